using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Commands.Tokens;

/// <summary>Encodes a file of any length: lines by themselves, or a text in blocks that are cut where it makes no difference.</summary>
internal sealed class TokenEncoding
{
    private const int BlockBytes = 8 << 20;
    private const string BinEnding = ".bin";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ITokenizer _tokenizer;
    private readonly SpecialTokenPolicy _special;
    private readonly bool _isJsonLines, _writesJson;
    private readonly int _threads;
    private long _tokens;

    public TokenEncoding(ITokenizer tokenizer, bool isJsonLines, bool allowsSpecial, bool writesJson, int threads)
    {
        if (allowsSpecial && tokenizer is not BytePairTokenizer { SpecialTokens.Count: > 0 })
        {
            throw new InvalidDataException("This tokenizer has no special tokens; leave out --allow-special.");
        }

        _tokenizer = tokenizer;
        _isJsonLines = isJsonLines;
        _special = allowsSpecial ? SpecialTokenPolicy.AllowAll : SpecialTokenPolicy.PlainText;
        _writesJson = writesJson;
        _threads = threads;
    }

    public void Run(string inputPath, string? outputPath, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        bool writesBin = outputPath is not null && Path.GetExtension(outputPath).Equals(BinEnding, StringComparison.OrdinalIgnoreCase);
        if (writesBin && _writesJson)
        {
            throw new InvalidDataException($"A {BinEnding} file holds no JSON; leave out --json, or choose another --output.");
        }

        if (writesBin && _tokenizer.VocabularySize > ushort.MaxValue + 1)
        {
            throw new InvalidDataException($"The tokenizer has {_tokenizer.VocabularySize} tokens, more than the 16 bits of a {BinEnding} file can tell apart; choose another --output.");
        }

        using InputBytes input = new(inputPath, cancellation);
        TokenProgress progress = new(error);
        OutputBytes.Write(outputPath, output, stream =>
        {
            if (_isJsonLines || _writesJson)
            {
                EncodeLines(input, stream, writesBin, progress, cancellation);
            }
            else
            {
                EncodeText(input, stream, writesBin, progress, cancellation);
            }
        });
        progress.End(string.Create(CultureInfo.InvariantCulture, $"Encoded {input.Taken:N0} bytes of {input.Name} as {_tokens:N0} tokens."));
    }

    private void EncodeLines(InputBytes input, Stream stream, bool writesBin, TokenProgress progress, CancellationToken cancellation)
    {
        long number = 0;
        while (input.TryTakeLine(out ReadOnlyMemory<byte> line, out bool isEnded))
        {
            cancellation.ThrowIfCancellationRequested();
            number++;
            int[] ids;
            if (_isJsonLines)
            {
                if (number == 1 && line.Span.StartsWith("\uFEFF"u8))
                {
                    // A mark of the byte order is of the file, not of the text.
                    line = line["\uFEFF"u8.Length..];
                }

                if (line.Span.Trim(" \t\r"u8).IsEmpty)
                {
                    continue;
                }

                ids = EncodeJson(line, number, input.Name);
                // The line feed of JSONL is not part of the text.
                isEnded = true;
            }
            else
            {
                ids = Encode(line, input.Name, cancellation);
            }

            _tokens += ids.Length;
            if (writesBin)
            {
                WriteBin(stream, ids);
                if (_tokenizer.EndOfTextId is { } end)
                {
                    WriteBin(stream, [end]);
                    _tokens++;
                }
            }
            else
            {
                stream.Write(_writesJson ? "{\"ids\": ["u8 : []);
                WriteIds(stream, ids, _writesJson ? ", "u8 : " "u8, isFirst: true);
                // The last line of a text may have no line feed; then decoding must not add one.
                stream.Write(!_writesJson ? "\n"u8 : isEnded ? "]}\n"u8 : "], \"newline\": false}\n"u8);
            }

            progress.Show(input.Taken, _tokens);
        }
    }

    private void EncodeText(InputBytes input, Stream stream, bool writesBin, TokenProgress progress, CancellationToken cancellation)
    {
        while (true)
        {
            input.FillTo(BlockBytes);
            int length = NextLength(input);
            if (length == 0)
            {
                break;
            }

            int[] ids = Encode(input.Buffered[..length], input.Name, cancellation);
            input.Take(length);
            if (writesBin)
            {
                WriteBin(stream, ids);
            }
            else
            {
                WriteIds(stream, ids, " "u8, isFirst: _tokens == 0);
            }

            _tokens += ids.Length;
            progress.Show(input.Taken, _tokens);
        }

        if (!writesBin)
        {
            stream.Write("\n"u8);
        }
    }

    /// <summary>How much of the text that is buffered can be encoded before the rest is known; more is read where that is nothing.</summary>
    private int NextLength(InputBytes input)
    {
        while (true)
        {
            ReadOnlySpan<byte> text = input.Buffered.Span;
            if (input.IsAtEnd)
            {
                return text.Length;
            }

            // Without merges, text can be cut before any character.
            int cut = _tokenizer is BytePairTokenizer bytePair ? bytePair.LastCut(text, _special) : Math.Max(0, text.LastIndexOfAnyExceptInRange((byte)0x80, (byte)0xBF));
            if (cut > 0)
            {
                return cut;
            }

            if (text.Length >= InputBytes.MostBuffered)
            {
                throw new InvalidDataException(
                    $"{input.Name} has {InputBytes.MostBuffered >> 20} MiB without a space or line end after a word, more than can be encoded as one; put some into it.");
            }

            input.FillTo(2 * text.Length);
        }
    }

    private int[] EncodeJson(ReadOnlyMemory<byte> line, long number, string name)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("text", out JsonElement text)
                && text.ValueKind == JsonValueKind.String
                    ? Encode(Encoding.UTF8.GetBytes(text.GetString()!), name)
                    : throw new InvalidDataException($"Line {number} of {name} is no object with a \"text\"; each line must be like {{\"text\": \"...\"}}.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"Line {number} of {name} is not valid JSON; each line must be like {{\"text\": \"...\"}}.", e);
        }
    }

    private int[] Encode(ReadOnlyMemory<byte> utf8, string name, CancellationToken cancellation = default)
    {
        if (_tokenizer is BytePairTokenizer bytePair)
        {
            return bytePair.EncodeUtf8Parallel(utf8, _threads, _special, cancellation);
        }

        try
        {
            return _tokenizer.Encode(StrictUtf8.GetString(utf8.Span));
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"{name} is not valid UTF-8, which this tokenizer needs; convert it to UTF-8.", e);
        }
    }

    private static void WriteIds(Stream stream, ReadOnlySpan<int> ids, ReadOnlySpan<byte> separator, bool isFirst)
    {
        Span<byte> number = stackalloc byte[16];
        foreach (int id in ids)
        {
            if (!isFirst)
            {
                stream.Write(separator);
            }

            isFirst = false;
            Utf8Formatter.TryFormat(id, number, out int length);
            stream.Write(number[..length]);
        }
    }

    private static void WriteBin(Stream stream, ReadOnlySpan<int> ids)
    {
        Span<byte> two = stackalloc byte[2];
        foreach (int id in ids)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(two, (ushort)id);
            stream.Write(two);
        }
    }
}
