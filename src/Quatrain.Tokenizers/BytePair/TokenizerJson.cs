using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Hugging Face's <c>tokenizer.json</c>, as far as it describes GPT-2's way: BPE on bytes. What would give other ids is refused.</summary>
/// <remarks>
/// Tokens under <c>added_tokens</c> become special tokens. What cuts or fills up texts to a length (<c>truncation</c>, <c>padding</c>) is for batches and
/// is left out.
/// </remarks>
internal static class TokenizerJson
{
    private const string ByteLevel = "ByteLevel";

    public static JsonWriterOptions Readable { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether <paramref name="root"/> is such a file's.</summary>
    public static bool Matches(JsonElement root) => root.ValueKind == JsonValueKind.Object && root.TryGetProperty("model", out _);

    /// <param name="large">Its tokens and merges.</param>
    /// <param name="root">All else; the two are null there if they were read.</param>
    public static BytePairVocabulary Read(TokenizerJsonParts large, JsonElement root)
    {
        JsonElement model = root.GetProperty("model");
        CheckModel(model);
        CheckParts(root);
        TokenSpellings tokens = large.Tokens
            ?? throw new InvalidDataException(Part(model, "vocab") is null ? "Its model has no \"vocab\"." : "The vocabulary is not an object of tokens and their ids.");
        List<int> special = [];
        if (Part(root, "added_tokens") is { } added)
        {
            if (added.ValueKind != JsonValueKind.Array)
            {
                throw new InvalidDataException("Its \"added_tokens\" are not a list.");
            }

            foreach (JsonElement token in added.EnumerateArray())
            {
                special.Add(ReadAddedToken(token, tokens));
            }
        }

        tokens.PutInOrder();
        return BytePairVocabulary.Create(
            tokens, large.Merges ?? throw new InvalidDataException("Its model has no list of \"merges\"."), special.Count > 0 ? special : null, null);
    }

    public static byte[] Write(BytePairVocabulary vocabulary)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Readable))
        {
            writer.WriteStartObject();
            writer.WriteString("version", "1.0");
            writer.WriteNull("truncation");
            writer.WriteNull("padding");
            WriteAddedTokens(writer, vocabulary);
            writer.WriteNull("normalizer");
            WriteByteLevel(writer, "pre_tokenizer", addPrefixSpace: false, trimOffsets: true);
            WriteByteLevel(writer, "post_processor", addPrefixSpace: true, trimOffsets: false);
            WriteByteLevel(writer, "decoder", addPrefixSpace: true, trimOffsets: true);
            WriteModel(writer, vocabulary);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The <c>tokenizer_config.json</c> beside it, which tells Hugging Face's library which class to make of it.</summary>
    public static byte[] WriteConfig(BytePairVocabulary vocabulary, int contextLength)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Readable with { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("add_prefix_space", false);
            if (vocabulary.EndOfTextId is { } end)
            {
                string text = vocabulary.Spelling(end);
                writer.WriteString("bos_token", text);
                writer.WriteString("eos_token", text);
                writer.WriteString("unk_token", text);
            }

            writer.WriteNumber("model_max_length", contextLength);
            writer.WriteString("tokenizer_class", "GPT2Tokenizer");
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void CheckModel(JsonElement model)
    {
        if (model.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("Its \"model\" is not an object.");
        }

        // Early files name no type.
        if (Part(model, "type") is { } type && !(type.ValueKind == JsonValueKind.String && type.ValueEquals("BPE")))
        {
            throw new InvalidDataException($"Its model is of the type {Show(type)}; only BPE is supported.");
        }

        foreach (string name in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            Check(model, name, value => value.ValueKind == JsonValueKind.String && value.ValueEquals(""));
        }

        foreach (string name in (ReadOnlySpan<string>)["byte_fallback", "ignore_merges"])
        {
            Check(model, name, value => value.ValueKind == JsonValueKind.False);
        }

        Check(model, "dropout", value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double rate) && rate == 0);
    }

    private static void CheckParts(JsonElement root)
    {
        if (Part(root, "normalizer") is { } normalizer)
        {
            throw new InvalidDataException($"It normalizes text ({Show(normalizer)}) before encoding, which is not supported.");
        }

        JsonElement preTokenizer = Only(Part(root, "pre_tokenizer"), "pretokenizers")
            ?? throw new InvalidDataException($"It has no pre_tokenizer; one of the type {ByteLevel} is needed.");
        RequireByteLevel(preTokenizer, "pre_tokenizer");
        Check(preTokenizer, "add_prefix_space", value => value.ValueKind == JsonValueKind.False);
        Check(preTokenizer, "use_regex", value => value.ValueKind == JsonValueKind.True);
        if (Only(Part(root, "decoder"), "decoders") is { } decoder)
        {
            RequireByteLevel(decoder, "decoder");
        }

        if (Only(Part(root, "post_processor"), "processors") is { } postProcessor)
        {
            RequireByteLevel(postProcessor, "post_processor");
        }
    }

    // A sequence of one part is that part.
    private static JsonElement? Only(JsonElement? part, string list) =>
        part is { } sequence && TypeIs(sequence, "Sequence") && Part(sequence, list) is { ValueKind: JsonValueKind.Array } parts && parts.GetArrayLength() == 1
            ? parts[0]
            : part;

    private static void RequireByteLevel(JsonElement part, string name)
    {
        if (!TypeIs(part, ByteLevel))
        {
            throw new InvalidDataException($"Its {name} is {Show(part)}; only one of the type {ByteLevel}, as GPT-2's, is supported.");
        }
    }

    private static bool TypeIs(JsonElement part, string type) =>
        part.ValueKind == JsonValueKind.Object && Part(part, "type") is { ValueKind: JsonValueKind.String } value && value.ValueEquals(type);

    private static void Check(JsonElement element, string name, Func<JsonElement, bool> isSupported)
    {
        if (Part(element, name) is { } value && !isSupported(value))
        {
            throw new InvalidDataException($"Its \"{name}\" is {Show(value)}, which is not supported.");
        }
    }

    private static int ReadAddedToken(JsonElement token, TokenSpellings tokens)
    {
        if (token.ValueKind != JsonValueKind.Object
            || Part(token, "content") is not { ValueKind: JsonValueKind.String } content
            || Part(token, "id") is not { ValueKind: JsonValueKind.Number } number
            || !number.TryGetInt32(out int id))
        {
            throw new InvalidDataException($"The added token {Show(token)} has no content and id.");
        }

        string text = content.GetString()!;
        foreach (string name in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip"])
        {
            if (Part(token, name) is { } value && value.ValueKind != JsonValueKind.False)
            {
                throw new InvalidDataException($"The added token {BytePairVocabulary.Quote(text)} has {name}, which is not supported.");
            }
        }

        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        if (!tokens.TryAdd(utf8, id) && tokens.Find(utf8) is var other && other != id)
        {
            throw new InvalidDataException($"The added token {BytePairVocabulary.Quote(text)} has the id {id}, but {other} in the vocabulary.");
        }

        return id;
    }

    /// <summary>A member that is there and not null.</summary>
    private static JsonElement? Part(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    // A part is shown by its type where it has one.
    public static string Show(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object && Part(value, "type") is { ValueKind: JsonValueKind.String } type)
        {
            value = type;
        }

        string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.ToString();
        return BytePairVocabulary.Quote(text);
    }

    private static void WriteAddedTokens(Utf8JsonWriter writer, BytePairVocabulary vocabulary)
    {
        writer.WriteStartArray("added_tokens");
        foreach (SpecialToken token in vocabulary.SpecialTokens)
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", token.Id);
            writer.WriteString("content", token.Text);
            foreach (string name in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip", "normalized"])
            {
                writer.WriteBoolean(name, false);
            }

            writer.WriteBoolean("special", true);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteByteLevel(Utf8JsonWriter writer, string name, bool addPrefixSpace, bool trimOffsets)
    {
        writer.WriteStartObject(name);
        writer.WriteString("type", ByteLevel);
        writer.WriteBoolean("add_prefix_space", addPrefixSpace);
        writer.WriteBoolean("trim_offsets", trimOffsets);
        writer.WriteBoolean("use_regex", true);
        writer.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter writer, BytePairVocabulary vocabulary)
    {
        writer.WriteStartObject("model");
        writer.WriteString("type", "BPE");
        writer.WriteNull("dropout");
        writer.WriteNull("unk_token");
        writer.WriteString("continuing_subword_prefix", "");
        writer.WriteString("end_of_word_suffix", "");
        writer.WriteBoolean("fuse_unk", false);
        writer.WriteBoolean("byte_fallback", false);
        writer.WriteBoolean("ignore_merges", false);
        writer.WritePropertyName("vocab");
        VocabularyFiles.WriteVocabulary(writer, vocabulary);
        writer.WriteStartArray("merges");
        foreach ((int left, int right) in vocabulary.MergeList)
        {
            // As one string: both old and new versions of the library read that.
            writer.WriteStringValue($"{vocabulary.Spelling(left)} {vocabulary.Spelling(right)}");
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
