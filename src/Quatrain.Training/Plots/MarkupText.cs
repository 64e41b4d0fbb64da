using System.Text;

namespace Quatrain.Training.Plots;

/// <summary>Makes any text safe to stand in HTML or SVG, between tags or in a quoted attribute.</summary>
internal static class MarkupText
{
    /// <summary>
    /// The text with markup characters as entities. Control characters, which neither format may hold, become their pictures (␀), so that a reader sees them;
    /// halves of surrogate pairs, characters that are none, and marks that would turn the direction of what follows
    /// become U+FFFD.
    /// </summary>
    public static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '&' => escaped.Append("&amp;"),
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '"' => escaped.Append("&quot;"),
                '\'' => escaped.Append("&#39;"),
                '\t' or '\n' or '\r' => escaped.Append((char)rune.Value),
                < ' ' => escaped.Append((char)('\u2400' + rune.Value)),
                '\u007F' => escaped.Append('\u2421'),
                > 0x7F and < 0xA0 => escaped.Append('\uFFFD'),
                (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) => escaped.Append('\uFFFD'),
                int value when (value & 0xFFFE) == 0xFFFE => escaped.Append('\uFFFD'),
                _ => escaped.Append(rune.ToString()),
            };
        }

        return escaped.ToString();
    }
}
