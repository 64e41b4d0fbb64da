using System.Globalization;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>What GPT-2's pattern tells apart.</summary>
internal enum CharacterClass : byte
{
    /// <summary>Neither of the others: <c>[^\s\p{L}\p{N}]</c>; also a byte that is no part of a character.</summary>
    Other,

    /// <summary><c>\p{L}</c></summary>
    Letter,

    /// <summary><c>\p{N}</c></summary>
    Number,

    /// <summary><c>\s</c>: Unicode's White_Space, as Python's regex module has it. U+001C to U+001F, U+180E and U+200B are not in it.</summary>
    Space,

    /// <summary>Not a class: the byte begins or continues a character beyond ASCII.</summary>
    Beyond,
}

/// <summary>The classes of bytes and code points.</summary>
internal static class CharacterClasses
{
    private const int FirstPlane = 0x10000;

    private static readonly CharacterClass[] OfCodePoint = MakeFirstPlane();

    /// <summary>The class of each ASCII byte, and <see cref="CharacterClass.Beyond"/> for the rest.</summary>
    public static CharacterClass[] OfByte { get; } = MakeBytes();

    /// <summary>The class of a code point.</summary>
    public static CharacterClass Of(int codePoint) => codePoint < FirstPlane ? OfCodePoint[codePoint] : Classify(codePoint);

    private static CharacterClass Classify(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.OtherLetter => CharacterClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
        // All white space lies in the first plane.
        _ => codePoint < FirstPlane && char.IsWhiteSpace((char)codePoint) ? CharacterClass.Space : CharacterClass.Other,
    };

    private static CharacterClass[] MakeFirstPlane()
    {
        CharacterClass[] classes = new CharacterClass[FirstPlane];
        for (int codePoint = 0; codePoint < classes.Length; codePoint++)
        {
            classes[codePoint] = Classify(codePoint);
        }

        return classes;
    }

    private static CharacterClass[] MakeBytes()
    {
        CharacterClass[] classes = new CharacterClass[256];
        for (int value = 0; value < classes.Length; value++)
        {
            classes[value] = value < 0x80 ? Classify(value) : CharacterClass.Beyond;
        }

        return classes;
    }
}
