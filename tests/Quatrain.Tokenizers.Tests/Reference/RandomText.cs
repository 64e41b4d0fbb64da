using System.Text;

namespace Quatrain.Tokenizers.Tests.Reference;

/// <summary>Strings in which all that the pattern tells apart meets all else.</summary>
internal static class RandomText
{
    private static readonly string[] Parts =
    [
        " ", " ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00A0", "\u0085", "\u2003", "\u3000", "\u001C", "\u001F", "\u180E", "\u200B", "\uFEFF",
        "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'", "''", "'S", "'r", "'v", "'l", "’s", "the", "The", "hello", "world", "of", "ing", "a", "aa", "aaaaa",
        "Turing", "uncharacteristically", "0", "1", "42", "2026", "3.14", "½", "²", "Ⅻ", "𝟘𝟙", "٣", ".", ",", "!", "?!", "...", "--", "=====", "(", "#$%", "€",
        "é", "ñ", "naïve", "Ünï", "日本語", "中文", "한국어", "русский", "العربية", "हिन्दी", "e\u0301", "😀", "👩‍🚀", "𝒜𝓑", "𠀋", "\U000E0041", "\uFFFD", "\0", "\uFFFF",
        "<|endoftext|>", "<|", "|>",
    ];

    public static string Next(Random random)
    {
        StringBuilder text = new();
        for (int count = random.Next(12); count >= 0; count--)
        {
            switch (random.Next(8))
            {
                case 0:
                    text.Append((char)random.Next(0x20, 0x7F));
                    break;
                case 1:
                    text.Append(NextRune(random));
                    break;
                case 2:
                    text.Insert(text.Length, Parts[random.Next(Parts.Length)], random.Next(1, 5));
                    break;
                default:
                    text.Append(Parts[random.Next(Parts.Length)]);
                    break;
            }
        }

        return text.ToString();
    }

    private static Rune NextRune(Random random)
    {
        while (true)
        {
            if (Rune.TryCreate(random.Next(3) == 0 ? random.Next(0x20000) : random.Next(0x3100), out Rune rune))
            {
                return rune;
            }
        }
    }
}
