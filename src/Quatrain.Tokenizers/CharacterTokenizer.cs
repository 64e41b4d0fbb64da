using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Quatrain.Tokenizers;

/// <summary>One token for every different character (Unicode scalar value) of the text it was made from.</summary>
/// <remarks>
/// A surrogate pair is one character. Nothing is normalised, so line ends stay as they are.
/// File format: <c>{"type":"character","characters":["\n"," ","!"]}</c>, a character's place in the list being its id.
/// </remarks>
public sealed class CharacterTokenizer : ITokenizer
{
    internal const string TypeName = "character";

    private const int Absent = -1;

    private static readonly JsonWriterOptions ReadableJson = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Rune[] _characters;
    private readonly int[] _idOfCodeUnit;
    private readonly Dictionary<Rune, int> _idOfPair = [];

    /// <summary>A tokenizer whose token <c>i</c> is <paramref name="characters"/><c>[i]</c>.</summary>
    /// <exception cref="InvalidDataException">The list is empty or names a character twice.</exception>
    public CharacterTokenizer(IReadOnlyList<Rune> characters)
    {
        ArgumentNullException.ThrowIfNull(characters);
        if (characters.Count == 0)
        {
            throw new InvalidDataException("A character tokenizer needs at least one character, but the list of characters is empty.");
        }

        _characters = [.. characters];
        _idOfCodeUnit = new int[1 + _characters.Max(c => c.IsBmp ? c.Value : 0)];
        Array.Fill(_idOfCodeUnit, Absent);
        for (int id = 0; id < _characters.Length; id++)
        {
            Rune character = _characters[id];
            bool isNew = character.IsBmp ? _idOfCodeUnit[character.Value] == Absent : !_idOfPair.ContainsKey(character);
            if (!isNew)
            {
                throw new InvalidDataException($"The list of characters has {Describe(character)} twice, the second time as entry {id + 1}.");
            }

            if (character.IsBmp)
            {
                _idOfCodeUnit[character.Value] = id;
            }
            else
            {
                _idOfPair.Add(character, id);
            }
        }
    }

    /// <inheritdoc/>
    public int VocabularySize => _characters.Length;

    /// <summary>The characters in the order of their ids.</summary>
    public IReadOnlyList<Rune> Characters => _characters;

    /// <summary>The tokenizer whose vocabulary is every character of <paramref name="text"/>, in code point order as nanoGPT has it.</summary>
    /// <exception cref="InvalidDataException">The text is empty or holds half of a surrogate pair.</exception>
    public static CharacterTokenizer FromText(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
        {
            throw new InvalidDataException("The text is empty, so there are no characters to make a vocabulary of; give a text with at least one.");
        }

        bool[] isPresent = new bool[char.MaxValue + 1];
        HashSet<Rune> pairs = [];
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                isPresent[text[i]] = true;
            }
            else
            {
                pairs.Add(DecodePair(text, i));
                i++;
            }
        }

        List<Rune> characters = [];
        for (int codePoint = 0; codePoint < isPresent.Length; codePoint++)
        {
            if (isPresent[codePoint])
            {
                characters.Add(new Rune(codePoint));
            }
        }

        characters.AddRange(pairs.Order());
        return new CharacterTokenizer(characters);
    }

    /// <summary>Reads the tokenizer of a run folder, or of a <c>tokenizer.json</c> named in full.</summary>
    /// <exception cref="InvalidDataException">The file is not a character tokenizer's; the message says why.</exception>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public static CharacterTokenizer Load(string path) =>
        TokenizerFile.Load(path) as CharacterTokenizer
            ?? throw new InvalidDataException($"'{path}' holds a tokenizer of another type; a character tokenizer is needed here.");

    /// <summary>The <c>tokenizer.json</c> of this tokenizer, as UTF-8.</summary>
    public byte[] ToJson()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, ReadableJson))
        {
            writer.WriteStartObject();
            writer.WriteString("type", TypeName);
            writer.WriteStartArray("characters");
            Span<char> units = stackalloc char[2];
            foreach (Rune character in _characters)
            {
                writer.WriteStringValue(units[..character.EncodeToUtf16(units)]);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes <see cref="ToJson"/> to <paramref name="stream"/>.</summary>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(ToJson());
    }

    /// <summary>The ids of <paramref name="text"/>, one a character.</summary>
    /// <exception cref="InvalidDataException">
    /// A character is not in the vocabulary, or half of a surrogate pair stands alone; its position counts characters from 0.
    /// </exception>
    public int[] Encode(ReadOnlySpan<char> text)
    {
        int[] idOfCodeUnit = _idOfCodeUnit;
        int[] ids = GC.AllocateUninitializedArray<int>(text.Length);
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char unit = text[i];
            int id = unit < idOfCodeUnit.Length ? idOfCodeUnit[unit] : Absent;
            if (id == Absent)
            {
                id = EncodePair(text, i, count);
                i++;
            }

            ids[count++] = id;
        }

        return count == ids.Length ? ids : ids[..count];
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        int length = 0;
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)_characters.Length)
            {
                throw new InvalidDataException(
                    $"Token id {id} is outside the model's vocabulary of {_characters.Length} characters (ids 0 to {_characters.Length - 1}).");
            }

            length += _characters[id].Utf16SequenceLength;
        }

        char[] text = GC.AllocateUninitializedArray<char>(length);
        Span<char> rest = text;
        foreach (int id in ids)
        {
            rest = rest[_characters[id].EncodeToUtf16(rest)..];
        }

        return new string(text);
    }

    internal static CharacterTokenizer FromJson(JsonElement root)
    {
        if (!root.TryGetProperty("characters", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException("The list \"characters\" is missing.");
        }

        Rune[] characters = new Rune[list.GetArrayLength()];
        int count = 0;
        foreach (JsonElement entry in list.EnumerateArray())
        {
            string text = entry.ValueKind == JsonValueKind.String ? entry.GetString()! : "";
            if (Rune.DecodeFromUtf16(text, out Rune character, out int consumed) != OperationStatus.Done || consumed != text.Length)
            {
                throw new InvalidDataException($"Entry {count + 1} of the list \"characters\" is not a string of exactly one character.");
            }

            characters[count++] = character;
        }

        return new CharacterTokenizer(characters);
    }

    private int EncodePair(ReadOnlySpan<char> text, int index, int position)
    {
        Rune character = char.IsSurrogate(text[index]) ? DecodePair(text, index) : new Rune(text[index]);
        if (_idOfPair.TryGetValue(character, out int id))
        {
            return id;
        }

        throw new InvalidDataException(
            $"The character {Describe(character)} at position {position} is not in the model's vocabulary of {VocabularySize} characters; " +
            "remove it or train on text that has it.");
    }

    private static Rune DecodePair(ReadOnlySpan<char> text, int index)
    {
        if (Rune.DecodeFromUtf16(text[index..], out Rune character, out _) == OperationStatus.Done)
        {
            return character;
        }

        int position = 0;
        foreach (Rune _ in text[..index].EnumerateRunes())
        {
            position++;
        }

        throw new InvalidDataException(
            $"The text has half of a surrogate pair (U+{(int)text[index]:X4}) at position {position}; it is damaged, so make it again as valid UTF-8.");
    }

    private static string Describe(Rune character)
    {
        string codePoint = string.Create(CultureInfo.InvariantCulture, $"U+{character.Value:X4}");
        bool isVisible = Rune.IsLetterOrDigit(character) || Rune.IsPunctuation(character) || Rune.IsSymbol(character);
        return isVisible ? $"'{character}' ({codePoint})" : codePoint;
    }
}
