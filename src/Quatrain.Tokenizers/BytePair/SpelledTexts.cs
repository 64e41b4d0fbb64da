using System.Buffers;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Texts in UTF-8, one after another in one array.</summary>
internal sealed class SpelledTexts
{
    private byte[] _bytes = new byte[1 << 19];
    private int[] _starts = new int[1 << 16];

    public int Count { get; private set; }

    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(_starts[index], _starts[index + 1] - _starts[index]);

    /// <exception cref="InvalidDataException">One has too many characters.</exception>
    public static SpelledTexts Of(IReadOnlyList<string> texts)
    {
        SpelledTexts spelled = new();
        byte[] buffer = [];
        for (int i = 0; i < texts.Count; i++)
        {
            spelled.Add(Utf8(texts[i], ref buffer));
        }

        return spelled;
    }

    /// <summary>A text in UTF-8; halves of surrogate pairs, which it has no way of writing, become what it would have for them, and are refused as such.</summary>
    public static ReadOnlySpan<byte> Utf8(string text, ref byte[] buffer)
    {
        if (buffer.Length < 3L * text.Length)
        {
            buffer = new byte[checked(6 * text.Length)];
        }

        int at = 0;
        for (ReadOnlySpan<char> rest = text; ;)
        {
            OperationStatus status = System.Text.Unicode.Utf8.FromUtf16(rest, buffer.AsSpan(at), out int read, out int written, replaceInvalidSequences: false);
            at += written;
            if (status == OperationStatus.Done)
            {
                return buffer.AsSpan(0, at);
            }

            char half = rest[read];
            buffer[at++] = (byte)(0xE0 | (half >> 12));
            buffer[at++] = (byte)(0x80 | ((half >> 6) & 0x3F));
            buffer[at++] = (byte)(0x80 | (half & 0x3F));
            rest = rest[(read + 1)..];
        }
    }

    public void Add(ReadOnlySpan<byte> text) => Add(text, [], []);

    /// <summary>Adds one text of three parts.</summary>
    /// <exception cref="InvalidDataException">All together they are longer than an array can be.</exception>
    public void Add(ReadOnlySpan<byte> text, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        int start = _starts[Count];
        long end = start + (long)text.Length + second.Length + third.Length;
        if (end > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Max(end <= Array.MaxLength ? end : throw new InvalidDataException("It is too long to be a vocabulary."), Math.Min(2L * _bytes.Length, Array.MaxLength)));
        }

        text.CopyTo(_bytes.AsSpan(start));
        second.CopyTo(_bytes.AsSpan(start + text.Length));
        third.CopyTo(_bytes.AsSpan(start + text.Length + second.Length));
        if (++Count == _starts.Length)
        {
            Array.Resize(ref _starts, 2 * _starts.Length);
        }

        _starts[Count] = (int)end;
    }
}
