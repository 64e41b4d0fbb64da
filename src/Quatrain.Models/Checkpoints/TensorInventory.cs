namespace Quatrain.Models.Checkpoints;

/// <summary>Compares the tensors a file holds with those a model needs.</summary>
public static class TensorInventory
{
    /// <summary>What Hugging Face's GPT-2 classes put before the names of the published checkpoint.</summary>
    public const string TransformerPrefix = "transformer.";

    private const int MostNamed = 10;

    /// <summary>Finds every expected tensor; refuses a file that lacks some, holds others or has some of another shape.</summary>
    /// <param name="file">The file to search.</param>
    /// <param name="expected">Names and shapes the model needs.</param>
    /// <param name="ignoreExtra">
    /// Whether an unexpected tensor may be passed over, for instance GPT-2's mask buffers; is given the name without the prefix.
    /// </param>
    /// <param name="optionalPrefix">A prefix that each name in the file may or may not carry; empty for none.</param>
    /// <returns>The entry for each expected name.</returns>
    /// <exception cref="InvalidDataException">
    /// Tensors are missing, unexpected, there twice (with and without the prefix), of another shape, or of a type that cannot be read as
    /// floats; the message lists all of them.
    /// </exception>
    /// <exception cref="ArgumentException">An expected name comes twice.</exception>
    public static IReadOnlyDictionary<string, TensorEntry> Check(
        ITensorFile file,
        IEnumerable<(string Name, long[] Shape)> expected,
        Func<string, bool>? ignoreExtra = null,
        string optionalPrefix = TransformerPrefix)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(optionalPrefix);
        Dictionary<string, TensorEntry> found = new(StringComparer.Ordinal);
        HashSet<string> names = new(StringComparer.Ordinal);
        HashSet<string> used = new(StringComparer.Ordinal);
        List<string> missing = [], twice = [], misshapen = [], unreadable = [];
        foreach ((string name, long[] shape) in expected)
        {
            if (!names.Add(name))
            {
                throw new ArgumentException($"The expected name {TensorText.Quote(name)} comes twice.", nameof(expected));
            }

            bool plain = file.TryGet(name, out TensorEntry? entry);
            bool prefixed = file.TryGet(optionalPrefix + name, out TensorEntry? prefixedEntry) && optionalPrefix.Length > 0;
            used.Add(name);
            used.Add(optionalPrefix + name);
            entry ??= prefixedEntry;
            if (entry is null)
            {
                missing.Add(TensorText.Quote(name));
                continue;
            }

            found.Add(name, entry);
            if (plain && prefixed)
            {
                twice.Add(TensorText.Quote(name));
            }

            if (!entry.Shape.AsSpan().SequenceEqual(shape))
            {
                misshapen.Add($"{TensorText.Quote(name)} is {TensorText.Shape(entry.Shape)}, not {TensorText.Shape(shape)}");
            }

            if (!entry.IsReadableAsFloats)
            {
                unreadable.Add($"{TensorText.Quote(name)} is {entry.TypeName}");
            }
        }

        List<string> extra =
        [
            .. file.Entries
                .Where(entry => !used.Contains(entry.Name) && ignoreExtra?.Invoke(WithoutPrefix(entry.Name, optionalPrefix)) != true)
                .Select(entry => TensorText.Quote(entry.Name)),
        ];
        Refuse(file, missing, extra, misshapen, unreadable, twice, optionalPrefix);
        return found;
    }

    private static string WithoutPrefix(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;

    private static void Refuse(
        ITensorFile file,
        List<string> missing,
        List<string> extra,
        List<string> misshapen,
        List<string> unreadable,
        List<string> twice,
        string prefix)
    {
        List<string> problems = [];
        Add(problems, missing, "missing");
        Add(problems, extra, "unexpected");
        Add(problems, misshapen, "of the wrong shape");
        Add(problems, unreadable, "not of a floating-point type");
        Add(problems, twice, $"there both with and without '{prefix}'");
        if (problems.Count > 0)
        {
            throw new InvalidDataException(
                $"Cannot load '{file.Path}': {string.Join("; ", problems)}; "
                + "use a checkpoint of this architecture, or the configuration that belongs to it.");
        }
    }

    private static void Add(List<string> problems, List<string> tensors, string what)
    {
        if (tensors.Count > 0)
        {
            string more = tensors.Count > MostNamed ? $" and {tensors.Count - MostNamed} more" : "";
            string subject = tensors.Count == 1 ? "1 tensor is" : $"{tensors.Count} tensors are";
            problems.Add($"{subject} {what} ({string.Join(", ", tensors.Take(MostNamed))}{more})");
        }
    }
}
