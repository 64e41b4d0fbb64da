using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Commands.Tokens;

/// <summary>Decodes a file of ids of any length to the bytes they were made from.</summary>
internal sealed class TokenDecoding
{
    private const int BlockBytes = 1 << 20;
    private const string BinEnding = ".bin";

    private readonly ITokenizer _tokenizer;
    private readonly bool _skipsSpecial, _writesJson;
    private long _tokens, _bytes, _damaged;

    public TokenDecoding(ITokenizer tokenizer, bool skipsSpecial, bool writesJson)
    {
        if (skipsSpecial && tokenizer is not BytePairTokenizer { SpecialTokens.Count: > 0 })
        {
            throw new InvalidDataException("This tokenizer has no special tokens; leave out --skip-special.");
        }

        _tokenizer = tokenizer;
        _skipsSpecial = skipsSpecial;
        _writesJson = writesJson;
    }

    public void Run(string inputPath, string? outputPath, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        bool isBin = Path.GetExtension(inputPath).Equals(BinEnding, StringComparison.OrdinalIgnoreCase);
        if (isBin && _writesJson)
        {
            throw new InvalidDataException($"A {BinEnding} file has no lines, so --json can't be used with it; leave it out.");
        }

        using InputBytes input = new(inputPath, cancellation);
        TokenProgress progress = new(error);
        OutputBytes.Write(outputPath, output, stream =>
        {
            if (isBin)
            {
                DecodeBin(input, stream, progress);
            }
            else if (_writesJson || StartsWithObject(input))
            {
                DecodeLines(input, stream, progress);
            }
            else
            {
                DecodeIds(input, stream, progress);
            }
        });
        if (_damaged > 0)
        {
            error.WriteLine($"{_damaged} of the texts hold bytes that are not UTF-8; JSON shows them as U+FFFD. Leave out --json for the bytes.");
        }

        progress.End(string.Create(CultureInfo.InvariantCulture, $"Decoded {_tokens:N0} tokens of {input.Name} to {_bytes:N0} bytes."));
    }

    private static bool StartsWithObject(InputBytes input)
    {
        while (true)
        {
            ReadOnlySpan<byte> rest = input.Buffered.Span.TrimStart(" \t\r\n"u8);
            if (!rest.IsEmpty)
            {
                return rest[0] == '{';
            }

            if (input.Buffered.Length >= BlockBytes || !input.Fill())
            {
                return false;
            }
        }
    }

    private void DecodeLines(InputBytes input, Stream stream, TokenProgress progress)
    {
        long number = 0;
        while (input.TryTakeLine(out ReadOnlyMemory<byte> line, out _))
        {
            number++;
            bool hasLineFeed = true;
            List<int> ids = [];
            ReadOnlySpan<byte> trimmed = line.Span.Trim(" \t\r"u8);
            if (trimmed.IsEmpty || trimmed[0] != '{')
            {
                // A text of no tokens is an empty line of ids; in a file of objects it is nothing.
                if (trimmed.IsEmpty && !_writesJson)
                {
                    continue;
                }

                ReadIds(trimmed, isLast: true, ids, input.Name);
            }
            else
            {
                ReadObject(line, ids, out hasLineFeed, number, input.Name);
            }

            byte[] text = Decode(CollectionsMarshal.AsSpan(ids));
            if (_writesJson)
            {
                WriteJson(stream, text);
            }
            else
            {
                stream.Write(text);
                stream.Write(hasLineFeed ? "\n"u8 : []);
                _bytes += hasLineFeed ? 1 : 0;
            }

            progress.Show(input.Taken, _tokens);
        }
    }

    private void DecodeIds(InputBytes input, Stream stream, TokenProgress progress)
    {
        List<int> ids = [];
        while (true)
        {
            input.FillTo(BlockBytes);
            ids.Clear();
            int read = ReadIds(input.Buffered.Span, input.IsAtEnd, ids, input.Name);
            input.Take(read);
            stream.Write(Decode(CollectionsMarshal.AsSpan(ids)));
            progress.Show(input.Taken, _tokens);
            if (input.IsAtEnd)
            {
                return;
            }
        }
    }

    private void DecodeBin(InputBytes input, Stream stream, TokenProgress progress)
    {
        while (true)
        {
            input.FillTo(BlockBytes);
            ReadOnlySpan<byte> bytes = input.Buffered.Span;
            int[] ids = new int[bytes.Length / 2];
            for (int i = 0; i < ids.Length; i++)
            {
                ids[i] = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
            }

            bool isOdd = bytes.Length % 2 != 0;
            input.Take(2 * ids.Length);
            stream.Write(Decode(ids));
            progress.Show(input.Taken, _tokens);
            if (input.IsAtEnd)
            {
                if (isOdd)
                {
                    throw new InvalidDataException($"{input.Name} is not a whole number of 2-byte tokens; it is cut off or not a file of 16-bit token ids.");
                }

                return;
            }
        }
    }

    private static void ReadObject(ReadOnlyMemory<byte> line, List<int> ids, out bool hasLineFeed, long number, string name)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (!document.RootElement.TryGetProperty("ids", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            {
                throw new InvalidDataException($"Line {number} of {name} has no list of \"ids\"; each line must be like {{\"ids\": [1, 2]}}.");
            }

            foreach (JsonElement element in list.EnumerateArray())
            {
                ids.Add(element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id)
                    ? id
                    : throw new InvalidDataException($"Line {number} of {name} has an id that is not a whole number."));
            }

            hasLineFeed = !(document.RootElement.TryGetProperty("newline", out JsonElement newline) && newline.ValueKind == JsonValueKind.False);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"Line {number} of {name} is not valid JSON; each line must be like {{\"ids\": [1, 2]}}.", e);
        }
    }

    /// <summary>Reads ids with blanks, commas or line ends between; one at the end is left unless it is the last, because it may go on.</summary>
    /// <returns>The bytes that were read.</returns>
    private static int ReadIds(ReadOnlySpan<byte> text, bool isLast, List<int> ids, string name)
    {
        ReadOnlySpan<byte> separators = " ,\t\r\n"u8;
        int at = 0;
        while (true)
        {
            int blanks = text[at..].IndexOfAnyExcept(separators);
            if (blanks < 0)
            {
                return text.Length;
            }

            at += blanks;
            int length = text[at..].IndexOfAny(separators);
            if (length < 0)
            {
                // Nothing that is an id is longer; what is so long is told now.
                const int LongestId = 32;
                if (!isLast && text.Length - at <= LongestId)
                {
                    return at;
                }

                length = text.Length - at;
            }

            ReadOnlySpan<byte> word = text.Slice(at, length);
            if (!Utf8Parser.TryParse(word, out int id, out int read) || read != length || word[0] == '+')
            {
                string shown = Encoding.UTF8.GetString(word[..Math.Min(length, 40)]);
                throw new InvalidDataException($"{name} has '{shown}' where a token id should be; ids are whole numbers with blanks or commas between.");
            }

            ids.Add(id);
            at += length;
        }
    }

    private byte[] Decode(ReadOnlySpan<int> ids)
    {
        byte[] bytes = _skipsSpecial ? ((BytePairTokenizer)_tokenizer).DecodeBytes(ids, skipSpecialTokens: true) : _tokenizer.DecodeBytes(ids);
        _tokens += ids.Length;
        _bytes += bytes.Length;
        return bytes;
    }

    private void WriteJson(Stream stream, byte[] text)
    {
        _damaged += Utf8.IsValid(text) ? 0 : 1;
        JsonEncodedText encoded = JsonEncodedText.Encode(Encoding.UTF8.GetString(text), JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        stream.Write("{\"text\": \""u8);
        stream.Write(encoded.EncodedUtf8Bytes);
        stream.Write("\"}\n"u8);
    }
}
