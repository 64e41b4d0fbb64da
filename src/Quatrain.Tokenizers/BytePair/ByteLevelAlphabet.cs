namespace Quatrain.Tokenizers.BytePair;

/// <summary>GPT-2's way of writing bytes as visible characters: its vocabularies spell tokens in it.</summary>
/// <remarks>
/// The visible characters of Latin-1 stand for themselves; the other 68 bytes, in order, for U+0100 and on. A space is U+0120, a newline U+010A.
/// Source: <c>bytes_to_unicode</c> of OpenAI's GPT-2.
/// </remarks>
internal static class ByteLevelAlphabet
{
    private const int NoByte = -1;

    private static readonly char[] CharacterOfByte = MakeCharacters();
    private static readonly short[] ByteOfCharacter = Invert(CharacterOfByte);

    /// <summary>The character that stands for <paramref name="value"/>.</summary>
    public static char Character(byte value) => CharacterOfByte[value];

    /// <summary>Whether the character that <paramref name="utf8"/> begins with stands for a byte, and for which; and how many bytes it takes itself.</summary>
    public static bool TryByte(ReadOnlySpan<byte> utf8, out byte value, out int length)
    {
        // None has more than two.
        bool isTwo = utf8.Length > 1 && utf8[0] is >= 0xC2 and <= 0xDF && (utf8[1] & 0xC0) == 0x80;
        int character = isTwo ? ((utf8[0] & 0x1F) << 6) | (utf8[1] & 0x3F) : utf8[0] < 0x80 ? utf8[0] : int.MaxValue;
        int found = character < ByteOfCharacter.Length ? ByteOfCharacter[character] : NoByte;
        (value, length) = ((byte)found, isTwo ? 2 : 1);
        return found != NoByte;
    }

    /// <summary><paramref name="bytes"/> in the alphabet.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes) => string.Create(bytes.Length, bytes, static (text, source) =>
    {
        for (int i = 0; i < text.Length; i++)
        {
            text[i] = CharacterOfByte[source[i]];
        }
    });

    private static char[] MakeCharacters()
    {
        char[] characters = new char[256];
        char next = '\u0100';
        for (int value = 0; value < characters.Length; value++)
        {
            bool isVisible = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = isVisible ? (char)value : next++;
        }

        return characters;
    }

    private static short[] Invert(char[] characters)
    {
        short[] bytes = new short[0x100 + 68];
        Array.Fill(bytes, (short)NoByte);
        for (int value = 0; value < characters.Length; value++)
        {
            bytes[characters[value]] = (short)value;
        }

        return bytes;
    }
}
