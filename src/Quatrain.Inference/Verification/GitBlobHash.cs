using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Quatrain.Inference.Verification;

/// <summary>The hash by which Git knows a file of such bytes: SHA-1 of "blob", the length, a zero byte and the bytes.</summary>
internal static class GitBlobHash
{
    /// <summary>The hash of floats as little-endian bytes.</summary>
    public static string Of(ReadOnlySpan<float> values)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        // A fingerprint that others have published, not a protection against forgers.
#pragma warning disable CA5350
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {bytes.Length}\0")));
        hash.AppendData(bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
