using System.Text.Json;

namespace Quatrain.Models.Hub;

/// <summary>Which of a model's files to pull: its configuration, its tokenizer, and its weights in one format.</summary>
internal static class HubFileSelection
{
    private const string GgufEnding = ".gguf";
    private const int MostNamed = 12;

    private static readonly string[] Companions =
    [
        Models.ModelFolder.ConfigFileName, "generation_config.json", "tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
    ];

    // The formats of weights, the better ones first; each may be in one file or in several that an index lists.
    private static readonly string[] Weights = [Models.ModelFolder.WeightsFileName, "pytorch_model.bin"];

    /// <summary>The index of weights in several files that is to be read before <see cref="Choose"/>, or null.</summary>
    public static string? Index(HubListing listing, IReadOnlyCollection<string> wished)
    {
        if (wished.Count > 0)
        {
            return null;
        }

        foreach (string weights in Weights)
        {
            if (listing.Files.ContainsKey(weights))
            {
                return null;
            }

            if (listing.Files.ContainsKey(IndexName(weights)))
            {
                return IndexName(weights);
            }
        }

        return null;
    }

    /// <summary>The names of the files to pull.</summary>
    /// <param name="name">The model, for errors.</param>
    /// <param name="listing">The files there are.</param>
    /// <param name="wished">The files that the user names; none for a whole model.</param>
    /// <param name="shards">The files that the <see cref="Index"/> lists, where there is one.</param>
    /// <exception cref="InvalidDataException">A file is absent or its name is not safe, or there are no weights, or several to choose from.</exception>
    public static IReadOnlyList<string> Choose(HubModelName name, HubListing listing, IReadOnlyCollection<string> wished, IReadOnlyCollection<string> shards)
    {
        if (wished.Count > 0)
        {
            return [.. wished.Distinct(StringComparer.Ordinal).Select(file => Require(name, listing, file))];
        }

        List<string> chosen = [.. Companions.Where(listing.Files.ContainsKey)];
        if (Index(listing, wished) is { } index)
        {
            chosen.Add(index);
            chosen.AddRange(shards.Order(StringComparer.Ordinal).Select(file => Require(name, listing, file)));
        }
        else if (Array.Find(Weights, listing.Files.ContainsKey) is { } weights)
        {
            chosen.Add(weights);
        }
        else
        {
            chosen.Add(OnlyGguf(name, listing));
        }

        return chosen;
    }

    /// <summary>The files that an index of weights lists: the values of its "weight_map".</summary>
    /// <exception cref="InvalidDataException">It is no such index.</exception>
    public static IReadOnlyCollection<string> ReadIndex(HubModelName name, string file, ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            HashSet<string> shards = new(StringComparer.Ordinal);
            foreach (JsonProperty weight in document.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                shards.Add(weight.Value.GetString() ?? throw new InvalidOperationException());
            }

            return shards;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException($"'{file}' of '{name}' does not say in which files the weights are; choose the files with --file.");
        }
    }

    private static string IndexName(string weights) => weights + ".index.json";

    private static string Require(HubModelName name, HubListing listing, string file) =>
        !HubFileName.IsSafe(file) ? throw new InvalidDataException($"{Checkpoints.TensorText.Quote(file)} of '{name}' is no file name that is safe to use here; choose other files with --file.")
        : listing.Files.ContainsKey(file) ? file
        : throw new InvalidDataException($"'{name}' has no file '{file}'; {List(listing.Files.Keys)}.");

    private static string OnlyGguf(HubModelName name, HubListing listing)
    {
        string[] files = [.. listing.Files.Keys.Where(file => file.EndsWith(GgufEnding, StringComparison.OrdinalIgnoreCase) && HubFileName.IsSafe(file))];
        return files.Length switch
        {
            1 => files[0],
            0 => throw new InvalidDataException(
                $"'{name}' has no weights in a format known here ({string.Join(", ", Weights)} or one {GgufEnding}); {List(listing.Files.Keys)}, to be chosen with --file."),
            _ => throw new InvalidDataException($"'{name}' has several {GgufEnding} files; choose one with --file: {List(files)}."),
        };
    }

    private static string List(IEnumerable<string> files)
    {
        string[] safe = [.. files.Where(HubFileName.IsSafe).Order(StringComparer.Ordinal)];
        return safe.Length == 0 ? "it has no files"
            : $"it has {string.Join(", ", safe.Take(MostNamed))}{(safe.Length > MostNamed ? $" and {safe.Length - MostNamed} more" : "")}";
    }
}
