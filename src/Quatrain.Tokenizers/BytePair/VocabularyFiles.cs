using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>
/// GPT-2's two files: <c>vocab.json</c> (or <c>encoder.json</c>), an object of tokens and ids, and <c>merges.txt</c> (or <c>vocab.bpe</c>), a merge a line.
/// </summary>
internal static class VocabularyFiles
{
    private const string WrittenHeader = "#version: 0.2";

    private static ReadOnlySpan<byte> Header => "#version"u8;

    /// <summary>The tokens of a file that is one object of tokens and their ids.</summary>
    public static TokenSpellings ReadVocabulary(ReadOnlySpan<byte> file)
    {
        Utf8JsonReader reader = new(file);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            // Whatever is wrong with what it is instead is said first.
            reader.Skip();
            reader.Read();
            throw new InvalidDataException("The vocabulary is not an object of tokens and their ids.");
        }

        TokenSpellings tokens = ReadTokens(file, ref reader);
        reader.Read();
        tokens.PutInOrder();
        return tokens;
    }

    /// <summary>The tokens and ids of the object that <paramref name="reader"/> stands at the beginning of; it is left at its end.</summary>
    /// <exception cref="JsonException">It is not valid JSON.</exception>
    /// <exception cref="InvalidOperationException">It is not valid Unicode.</exception>
    public static TokenSpellings ReadTokens(ReadOnlySpan<byte> file, ref Utf8JsonReader reader)
    {
        int start = (int)reader.TokenStartIndex;
        TokenSpellings tokens = new();
        byte[] buffer = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> token = Unescaped(ref reader, ref buffer);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id) || id < 0)
            {
                throw new InvalidDataException($"The id of token {Quote(token)} is not a whole number from 0.");
            }

            if (!tokens.TryAdd(token, id))
            {
                throw new JsonException($"The vocabulary has the token {Quote(token)} twice.");
            }
        }

        RequireUnicode(file[start..(int)reader.BytesConsumed]);
        return tokens;
    }

    /// <summary>The merges of the list that <paramref name="reader"/> stands at the beginning of; it is left at its end.</summary>
    /// <inheritdoc cref="ReadTokens" path="/exception"/>
    public static SpelledTexts ReadMerges(ReadOnlySpan<byte> file, ref Utf8JsonReader reader)
    {
        int start = (int)reader.TokenStartIndex;
        SpelledTexts merges = new();
        byte[] buffer = [], right = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                merges.Add(Unescaped(ref reader, ref buffer));
                continue;
            }

            Utf8JsonReader pair = reader;
            // What a space in one of the two would do to this is refused as any other merge that is not of two tokens.
            if (reader.TokenType == JsonTokenType.StartArray && reader.Read() && reader.TokenType == JsonTokenType.String)
            {
                ReadOnlySpan<byte> first = Unescaped(ref reader, ref buffer);
                if (reader.Read() && reader.TokenType == JsonTokenType.String)
                {
                    merges.Add(first, " "u8, Unescaped(ref reader, ref right));
                    if (reader.Read() && reader.TokenType == JsonTokenType.EndArray)
                    {
                        continue;
                    }
                }
            }

            using JsonDocument wrong = JsonDocument.ParseValue(ref pair);
            throw new InvalidDataException($"Merge {merges.Count + 1}, {TokenizerJson.Show(wrong.RootElement)}, is not two tokens.");
        }

        RequireUnicode(file[start..(int)reader.BytesConsumed]);
        return merges;
    }

    /// <summary>The lines of a file of merges; a first line with the version, and empty ones, are left out.</summary>
    public static SpelledTexts ReadMerges(ReadOnlySpan<byte> file)
    {
        if (!Utf8.IsValid(file))
        {
            throw new InvalidDataException("It is not valid UTF-8.");
        }

        SpelledTexts merges = new();
        bool isFirst = true;
        while (!file.IsEmpty)
        {
            int length = file.IndexOf((byte)'\n');
            ReadOnlySpan<byte> merge = (length < 0 ? file : file[..length]).TrimEnd((byte)'\r');
            if (!merge.IsEmpty && !(isFirst && merge.StartsWith(Header)))
            {
                merges.Add(merge);
            }

            isFirst = false;
            file = length < 0 ? [] : file[(length + 1)..];
        }

        return merges;
    }

    public static byte[] WriteVocabulary(BytePairVocabulary vocabulary)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, TokenizerJson.Readable))
        {
            WriteVocabulary(writer, vocabulary);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes the object of tokens and ids, special tokens among them.</summary>
    public static void WriteVocabulary(Utf8JsonWriter writer, BytePairVocabulary vocabulary)
    {
        writer.WriteStartObject();
        for (int id = 0; id < vocabulary.Count; id++)
        {
            writer.WriteNumber(vocabulary.Spelling(id), id);
        }

        writer.WriteEndObject();
    }

    public static byte[] WriteMerges(BytePairVocabulary vocabulary)
    {
        StringBuilder text = new(WrittenHeader + "\n");
        foreach ((int left, int right) in vocabulary.MergeList)
        {
            text.Append(vocabulary.Spelling(left)).Append(' ').Append(vocabulary.Spelling(right)).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    // A string as it is meant. What has no escapes is checked all at once, by RequireUnicode.
    private static ReadOnlySpan<byte> Unescaped(ref Utf8JsonReader reader, ref byte[] buffer)
    {
        if (!reader.ValueIsEscaped)
        {
            return reader.ValueSpan;
        }

        if (buffer.Length < reader.ValueSpan.Length)
        {
            buffer = new byte[2 * reader.ValueSpan.Length];
        }

        return buffer.AsSpan(0, reader.CopyString(buffer));
    }

    private static void RequireUnicode(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new InvalidOperationException("A string is not valid UTF-8.");
        }
    }

    private static string Quote(ReadOnlySpan<byte> token) => BytePairVocabulary.Quote(Encoding.UTF8.GetString(token));
}
