using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Quatrain.Models.Checkpoints;

/// <summary>A checkpoint in several files, with an index that says which tensor is in which.</summary>
/// <remarks>
/// Format: a JSON object whose "weight_map" has a file name for each tensor; Hugging Face's model.safetensors.index.json and
/// pytorch_model.bin.index.json. The files lie beside the index. Safe to use from many threads.
/// </remarks>
internal sealed class ShardedTensorFile : ITensorFile
{
    // The largest models' indexes are about 200 KB.
    private const int LargestBytes = 16 << 20;
    private const int MostShards = 1000;

    private readonly Dictionary<string, (ITensorFile Shard, TensorEntry Entry)> _byName;
    private readonly IReadOnlyList<ITensorFile> _shards;

    private ShardedTensorFile(
        string path, IReadOnlyList<ITensorFile> shards, IReadOnlyList<TensorEntry> entries, Dictionary<string, (ITensorFile Shard, TensorEntry Entry)> byName) =>
        (Path, _shards, Entries, _byName) = (path, shards, entries, byName);

    /// <summary>The index.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorEntry> Entries { get; }

    /// <summary>Opens the index at <paramref name="path"/> and every file that it names.</summary>
    /// <param name="path">The index.</param>
    /// <param name="openShard">Opens one file.</param>
    /// <exception cref="InvalidDataException">The index is no such file, names a file outside its folder, or does not fit what the files hold.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    public static ShardedTensorFile Open(string path, Func<string, ITensorFile> openShard)
    {
        Dictionary<string, string> map = ReadMap(path);
        List<ITensorFile> shards = [];
        try
        {
            return Open(path, map, openShard, shards);
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry)
    {
        bool found = _byName.TryGetValue(name, out (ITensorFile Shard, TensorEntry Entry) place);
        entry = found ? place.Entry : null;
        return found;
    }

    /// <inheritdoc/>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination) => ShardOf(entry).ReadFloatRange(entry, start, destination);

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry) => ShardOf(entry).Locate(entry);

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (ITensorFile shard in _shards)
        {
            shard.Dispose();
        }
    }

    private static ShardedTensorFile Open(string path, Dictionary<string, string> map, Func<string, ITensorFile> openShard, List<ITensorFile> shards)
    {
        string folder = System.IO.Path.GetDirectoryName(path) ?? "";
        string[] names = [.. map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (names.Length > MostShards)
        {
            throw Invalid(path, $"it names {names.Length} files, more than the {MostShards} that a model can have");
        }

        List<TensorEntry> entries = [];
        Dictionary<string, (ITensorFile Shard, TensorEntry Entry)> byName = new(StringComparer.Ordinal);
        foreach (string name in names)
        {
            RequirePlainName(path, name);
            string shardPath = System.IO.Path.Combine(folder, name);
            if (!File.Exists(shardPath))
            {
                throw new FileNotFoundException(
                    $"Cannot load '{path}': {TensorText.Quote(name)}, which it names, is not beside it; download the whole model.", shardPath);
            }

            ITensorFile shard = openShard(shardPath);
            shards.Add(shard);
            foreach (TensorEntry entry in shard.Entries)
            {
                if (!map.TryGetValue(entry.Name, out string? listed))
                {
                    throw Invalid(path, $"it does not list tensor {TensorText.Quote(entry.Name)}, which is in {TensorText.Quote(name)}");
                }

                if (listed != name)
                {
                    throw Invalid(path,
                        $"it says that tensor {TensorText.Quote(entry.Name)} is in {TensorText.Quote(listed)}, but {TensorText.Quote(name)} holds one of that name");
                }

                byName.Add(entry.Name, (shard, entry));
                entries.Add(entry);
            }
        }

        foreach ((string tensor, string name) in map)
        {
            if (!byName.ContainsKey(tensor))
            {
                throw Invalid(path, $"it says that tensor {TensorText.Quote(tensor)} is in {TensorText.Quote(name)}, which does not hold it");
            }
        }

        return new ShardedTensorFile(path, shards, entries, byName);
    }

    private static Dictionary<string, string> ReadMap(string path)
    {
        using ConfigFile file = ConfigFile.Open(path, LargestBytes);
        if (file.Object("weight_map") is not { } element)
        {
            throw Invalid(path, "it has no weight_map that says which file each tensor is in");
        }

        Dictionary<string, string> map = new(StringComparer.Ordinal);
        try
        {
            foreach (JsonProperty property in element.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.String)
                {
                    throw Invalid(path, $"the file of tensor {TensorText.Quote(property.Name)} is not a text");
                }

                // The parser has refused names that come twice.
                map.Add(property.Name, property.Value.GetString()!);
            }
        }
        catch (InvalidOperationException)
        {
            throw Invalid(path, "a name in its weight_map is not valid Unicode");
        }

        return map.Count > 0 ? map : throw Invalid(path, "its weight_map is empty");
    }

    /// <summary>Refuses names that would lead out of the folder, on any system.</summary>
    private static void RequirePlainName(string path, string name)
    {
        bool isPlain = name.Length is > 0 and <= 255 && name is not ("." or "..") && name.All(c => !char.IsControl(c) && c is not ('/' or '\\' or ':'));
        if (!isPlain)
        {
            throw Invalid(path, $"it names {TensorText.Quote(name)}, which is not a file beside it");
        }
    }

    private ITensorFile ShardOf(TensorEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _byName.TryGetValue(entry.Name, out (ITensorFile Shard, TensorEntry Entry) place) && ReferenceEquals(place.Entry, entry)
            ? place.Shard
            : throw new ArgumentException($"Tensor {TensorText.Quote(entry.Name)} is not an entry of this checkpoint.", nameof(entry));
    }

    private static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot load '{path}': {problem}; download the whole model again.");
}
