using System.Text;
using System.Text.Unicode;

namespace Quatrain.Training.Data;

/// <summary>Decodes UTF-8 without ever replacing a byte in silence.</summary>
internal static class StrictUtf8
{
    private static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>The text of <paramref name="bytes"/> without a byte order mark.</summary>
    /// <exception cref="InvalidDataException">A byte is not text; the message names <paramref name="source"/> and the offset.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes, string source)
    {
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || bytes.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new InvalidDataException($"'{source}' is UTF-16 text; save it as UTF-8.");
        }

        int zero = bytes.IndexOf((byte)0);
        if (zero >= 0)
        {
            throw new InvalidDataException($"'{source}' is not a text file: it holds a NUL byte at offset {zero}.");
        }

        if (!Utf8.IsValid(bytes))
        {
            int offset = FirstInvalid(bytes);
            throw new InvalidDataException(
                $"'{source}' is not valid UTF-8: byte 0x{bytes[offset]:X2} at offset {offset}; convert the file to UTF-8.");
        }

        return Encoding.UTF8.GetString(bytes.StartsWith(Mark) ? bytes[Mark.Length..] : bytes);
    }

    private static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        int offset = 0;
        while (Rune.DecodeFromUtf8(bytes[offset..], out _, out int consumed) == System.Buffers.OperationStatus.Done)
        {
            offset += consumed;
        }

        return offset;
    }
}
