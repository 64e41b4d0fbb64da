using System.Security.Cryptography;
using System.Text;

namespace Quatrain.Training.Data;

/// <summary>A text and what identifies it.</summary>
/// <param name="Text">The text, without a byte order mark.</param>
/// <param name="Fingerprint">SHA-256 of the text's UTF-8 bytes, in lower-case hexadecimal.</param>
public sealed record LoadedText(string Text, string Fingerprint)
{
    /// <summary>The text with its fingerprint.</summary>
    public static LoadedText From(string text)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Encoder encoder = Encoding.UTF8.GetEncoder();
        byte[] buffer = new byte[1 << 16];
        ReadOnlySpan<char> rest = text;
        bool completed = false;
        while (!completed)
        {
            encoder.Convert(rest, buffer, flush: true, out int charsUsed, out int bytesUsed, out completed);
            hash.AppendData(buffer.AsSpan(0, bytesUsed));
            rest = rest[charsUsed..];
        }

        return new LoadedText(text, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
