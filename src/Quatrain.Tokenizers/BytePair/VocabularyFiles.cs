using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>
/// GPT-2's two files: <c>vocab.json</c> (or <c>encoder.json</c>), an object of tokens and ids, and <c>merges.txt</c> (or <c>vocab.bpe</c>), a merge a line.
/// </summary>
internal static class VocabularyFiles
{
    private const string Header = "#version";
    private const string WrittenHeader = "#version: 0.2";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string[] ReadVocabulary(JsonElement root) => TokenIds.InOrder(ReadIds(root));

    /// <summary>An object's tokens and their ids.</summary>
    public static Dictionary<string, int> ReadIds(JsonElement vocabulary)
    {
        if (vocabulary.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("The vocabulary is not an object of tokens and their ids.");
        }

        Dictionary<string, int> idOf = new(vocabulary.GetPropertyCount(), StringComparer.Ordinal);
        foreach (JsonProperty entry in vocabulary.EnumerateObject())
        {
            string token = entry.Name;
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out int id) || id < 0)
            {
                throw new InvalidDataException($"The id of token {BytePairVocabulary.Quote(token)} is not a whole number from 0.");
            }

            if (!idOf.TryAdd(token, id))
            {
                throw new InvalidDataException($"The vocabulary has the token {BytePairVocabulary.Quote(token)} twice.");
            }
        }

        return idOf;
    }

    /// <summary>The lines of a file of merges; a first line with the version, and empty ones, are left out.</summary>
    public static List<string> ReadMerges(ReadOnlySpan<byte> file)
    {
        string text;
        try
        {
            text = StrictUtf8.GetString(file);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException("It is not valid UTF-8.", e);
        }

        List<string> merges = [];
        bool isFirst = true;
        foreach (Range range in text.AsSpan().Split('\n'))
        {
            ReadOnlySpan<char> merge = text.AsSpan(range).TrimEnd('\r');
            if (!merge.IsEmpty && !(isFirst && merge.StartsWith(Header, StringComparison.Ordinal)))
            {
                merges.Add(merge.ToString());
            }

            isFirst = false;
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

        return StrictUtf8.GetBytes(text.ToString());
    }
}
