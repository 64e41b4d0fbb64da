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

    /// <summary>Whether <paramref name="character"/> stands for a byte, and for which.</summary>
    public static bool TryByte(char character, out byte value)
    {
        int found = character < ByteOfCharacter.Length ? ByteOfCharacter[character] : NoByte;
        value = (byte)found;
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
        short[] bytes = new short[1 + characters.Max()];
        Array.Fill(bytes, (short)NoByte);
        for (int value = 0; value < characters.Length; value++)
        {
            bytes[characters[value]] = (short)value;
        }

        return bytes;
    }
}
