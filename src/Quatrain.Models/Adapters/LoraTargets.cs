using System.IO.Enumeration;
using System.Text.RegularExpressions;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Layers;

namespace Quatrain.Models.Adapters;

/// <summary>Finds the linear layers that a <see cref="LoraConfig"/> means.</summary>
internal static partial class LoraTargets
{
    private const int MostPatterns = 10_000;
    private const int LongestExpression = 10_000;
    private const string AllLinear = "all-linear";

    /// <summary>The layers that a target means, in the order of the model.</summary>
    /// <exception cref="InvalidDataException">A target means none, or can't be read; the message has the layers there are.</exception>
    public static IReadOnlyList<Linear> Select(LoraConfig config, IReadOnlyList<Linear> layers) =>
        config.TargetExpression is { } expression ? ByExpression(expression, layers) : ByPatterns(config.Targets, layers);

    /// <summary>The shortest list of ends of names that means just <paramref name="chosen"/>: an end stands for a layer of every block.</summary>
    public static IReadOnlyList<string> Shorten(IReadOnlyList<Linear> chosen, IReadOnlyList<Linear> layers)
    {
        ILookup<string, string> all = layers.ToLookup(layer => EndOf(layer.Name), layer => layer.Name);
        return [.. chosen.GroupBy(layer => EndOf(layer.Name), layer => layer.Name)
            .SelectMany<IGrouping<string, string>, string>(group => group.Count() == all[group.Key].Count() ? [group.Key] : group)];
    }

    private static List<Linear> ByPatterns(IReadOnlyList<string> patterns, IReadOnlyList<Linear> layers)
    {
        if (patterns.Count is 0 or > MostPatterns)
        {
            throw new InvalidDataException(
                $"There are {patterns.Count} LoRA targets; name the linear layers that get an adapter, of {Describe(layers)}.");
        }

        HashSet<Linear> chosen = [];
        foreach (string pattern in patterns)
        {
            if (!Pattern().IsMatch(pattern))
            {
                throw new InvalidDataException(
                    $"The LoRA target {TensorText.Quote(pattern)} is no name; use letters, digits, '_', '-' and '.', and * for any of them, such as c_attn or mlp.*.");
            }

            Linear[] matching = [.. layers.Where(layer => Matches(pattern, layer.Name))];
            if (matching.Length == 0)
            {
                throw MatchesNothing(pattern, layers);
            }

            chosen.UnionWith(matching);
        }

        return [.. layers.Where(chosen.Contains)];
    }

    private static List<Linear> ByExpression(string expression, IReadOnlyList<Linear> layers)
    {
        if (expression == AllLinear)
        {
            return [.. layers];
        }

        Regex regex;
        try
        {
            // Takes time in proportion to the name, whatever the expression.
            regex = expression.Length <= LongestExpression
                ? new Regex($@"\A(?:{expression})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)
                : throw new ArgumentException("It is too long.");
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException(
                $"The LoRA targets {TensorText.Quote(expression)} are no regular expression that can be used; give a list of names instead.", error);
        }

        List<Linear> matching = [.. layers.Where(layer => regex.IsMatch(TensorInventory.TransformerPrefix + layer.Name) || regex.IsMatch(layer.Name))];
        return matching.Count > 0 ? matching : throw MatchesNothing(expression, layers);
    }

    private static bool Matches(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) || FileSystemName.MatchesSimpleExpression($"*.{pattern}", name, ignoreCase: false);

    private static InvalidDataException MatchesNothing(string pattern, IReadOnlyList<Linear> layers) =>
        new($"The LoRA target {TensorText.Quote(pattern)} means no linear layer of the model; it has {Describe(layers)}.");

    private static string Describe(IReadOnlyList<Linear> layers) =>
        string.Join(", ", layers.Select(layer => EndOf(layer.Name)).Distinct()) + $" in each of its blocks, the first being {layers[0].Name}";

    /// <summary>attn.c_attn of h.0.attn.c_attn.</summary>
    public static string EndOf(string name) => BlockPrefix().Replace(name, "");

    [GeneratedRegex(@"\A[A-Za-z0-9_.*-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();

    [GeneratedRegex(@"\Ah\.[0-9]+\.", RegexOptions.CultureInvariant)]
    private static partial Regex BlockPrefix();
}
