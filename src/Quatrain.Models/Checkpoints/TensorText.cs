using System.Text;

namespace Quatrain.Models.Checkpoints;

/// <summary>How names and shapes from files are shown in messages.</summary>
public static class TensorText
{
    private const int LongestName = 100;

    /// <summary>The name in quotes, cut short and free of control characters, since a damaged file may hold anything.</summary>
    public static string Quote(string name)
    {
        StringBuilder text = new("'");
        foreach (Rune rune in name.EnumerateRunes())
        {
            if (text.Length > LongestName)
            {
                text.Append("...");
                break;
            }

            text.Append(Rune.IsControl(rune) ? "?" : rune.ToString());
        }

        return text.Append('\'').ToString();
    }

    /// <summary>The shape as [2, 3].</summary>
    public static string Shape(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}
