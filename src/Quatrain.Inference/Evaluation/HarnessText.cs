using System.Globalization;
using System.Text.RegularExpressions;

namespace Quatrain.Inference.Evaluation;

/// <summary>How lm-evaluation-harness prepares HellaSwag's texts.</summary>
internal static partial class HarnessText
{
    /// <summary>The context: "activity: first part Second part".</summary>
    public static string Context(string activity, string first, string second) => Clean($"{activity}: {first} {Capitalize(second)}");

    /// <summary>WikiHow's headings become ends of sentences, and what else stands in brackets goes.</summary>
    public static string Clean(string text)
    {
        text = text.Trim().Replace(" [title]", ". ", StringComparison.Ordinal);
        return Brackets().Replace(text, "").Replace("  ", " ", StringComparison.Ordinal);
    }

    // The first letter large and all others small.
    private static string Capitalize(string text)
    {
        if (text.Length == 0)
        {
            return text;
        }

        int first = char.IsHighSurrogate(text[0]) && text.Length > 1 ? 2 : 1;
        return text[..first].ToUpper(CultureInfo.InvariantCulture) + text[first..].ToLower(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"\[.*?\]")]
    private static partial Regex Brackets();
}
