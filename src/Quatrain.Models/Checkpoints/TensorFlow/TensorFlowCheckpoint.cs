using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>An open checkpoint of TensorFlow's saver: NAME.index, which is a sorted table of the tensors, and NAME.data-00000-of-00001 and so on.</summary>
/// <remarks>
/// Everything the index says is checked when it is opened, its own checksums too. The checksum of a tensor is compared when it is read as a whole.
/// Safe to use from many threads. Source: tensorflow/core/util/tensor_bundle.
/// </remarks>
public sealed class TensorFlowCheckpoint : ITensorFile
{
    private const int MostShards = 1_000;
    private const int ChunkBytes = 1 << 16;
    private const int ReaderVersion = 1;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<RawFile> _shards = [];
    private readonly List<TensorFlowEntry> _entries = [];
    private readonly Dictionary<string, TensorFlowEntry> _byName = new(StringComparer.Ordinal);

    private TensorFlowCheckpoint(string path) => Path = path;

    /// <summary>The path of the index.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorEntry> Entries => _entries;

    /// <summary>Opens the newest checkpoint of a folder, the one that its file "checkpoint" names.</summary>
    /// <exception cref="InvalidDataException">A file of it is damaged, cut short, or does not fit the others; the message says what is wrong.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static TensorFlowCheckpoint Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string prefix = System.IO.Path.Combine(folder, CheckpointState.Read(folder));
        TensorFlowCheckpoint checkpoint = new($"{prefix}.index");
        try
        {
            checkpoint.ReadIndex(prefix);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry)
    {
        bool found = _byName.TryGetValue(name, out TensorFlowEntry? own);
        entry = own;
        return found;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">As everywhere; or the whole tensor was read, and its checksum is wrong.</exception>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination)
    {
        TensorFlowEntry own = RequireOwn(entry);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, own.ElementCount - destination.Length);
        if (own.Elements is not { } elements || !elements.IsReadableAsFloats())
        {
            throw new InvalidDataException(
                $"Cannot use '{Path}': tensor {TensorText.Quote(own.Name)} holds elements of {own.TypeName}, but only F32, F16, BF16 and F64 can be read as weights; "
                + "save it again with floating-point weights.");
        }

        if (destination.Length == own.ElementCount)
        {
            RequireSum(own);
        }

        _shards[own.Shard].ReadFloats(elements, own.Position, start, destination);
    }

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry)
    {
        TensorFlowEntry own = RequireOwn(entry);
        return own.Elements?.Raw() is { } type ? new FileRegion(_shards[own.Shard].Path, own.Position, own.ByteCount, type) : null;
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (RawFile shard in _shards)
        {
            shard.Dispose();
        }
    }

    /// <summary>The error for a file that cannot be read.</summary>
    internal static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot read '{path}': {problem}; use a complete TensorFlow checkpoint.");

    private void ReadIndex(string prefix)
    {
        List<(byte[] Key, byte[] Value)> table = SortedTable.Read(ReadBounded(), Path);
        if (table is not [([], byte[] header), ..])
        {
            throw Invalid(Path, "it lacks the entry that every checkpoint's index begins with");
        }

        OpenShards(prefix, header);
        foreach ((byte[] key, byte[] value) in table.Skip(1))
        {
            AddEntry(key, value);
        }

        if (_entries.Count == 0)
        {
            throw Invalid(Path, "it holds no tensors");
        }

        _entries.Sort((left, right) => (left.Shard, left.Position, left.ByteCount).CompareTo((right.Shard, right.Position, right.ByteCount)));
        RefuseOverlaps();
    }

    private byte[] ReadBounded()
    {
        using RawFile index = RawFile.Open(Path);
        return index.Length <= SortedTable.LargestBytes
            ? index.ReadBytes(0, (int)index.Length)
            : throw Invalid(Path, $"it is larger than {SortedTable.LargestBytes:N0} bytes, so it is no checkpoint's index");
    }

    private void OpenShards(string prefix, byte[] message)
    {
        BundleHeader header = BundleHeader.TryParse(message) ?? throw Invalid(Path, "its first entry is damaged");
        if (header.IsBigEndian)
        {
            throw Invalid(Path, "its numbers are not in little-endian order");
        }

        if (header.LeastReader > ReaderVersion)
        {
            throw Invalid(Path, $"it needs a reader of version {header.LeastReader} of its format, and this one is of version {ReaderVersion}");
        }

        if (header.ShardCount is 0 or > MostShards)
        {
            throw Invalid(Path, $"it claims {header.ShardCount} data files, and 1 to {MostShards} are read");
        }

        for (ulong i = 0; i < header.ShardCount; i++)
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"{prefix}.data-{i:D5}-of-{header.ShardCount:D5}");
            _shards.Add(File.Exists(path)
                ? RawFile.Open(path)
                : throw new FileNotFoundException($"Cannot load '{Path}': its data file '{path}' is not there; download all files of the checkpoint.", path));
        }
    }

    private void AddEntry(byte[] key, byte[] message)
    {
        string name;
        try
        {
            name = StrictUtf8.GetString(key);
        }
        catch (DecoderFallbackException)
        {
            throw Invalid(Path, "the name of a tensor in it is not valid UTF-8");
        }

        BundleEntry bundled = BundleEntry.TryParse(message) ?? throw Invalid(Path, $"its entry for tensor {TensorText.Quote(name)} is damaged");
        if (bundled.IsSliced)
        {
            throw Invalid(Path, $"its tensor {TensorText.Quote(name)} is saved in slices, which is not supported; save it unpartitioned");
        }

        if (bundled.Shard >= (ulong)_shards.Count)
        {
            throw Invalid(Path, $"its tensor {TensorText.Quote(name)} lies in data file {bundled.Shard}, and there are {_shards.Count}");
        }

        ulong length = (ulong)_shards[(int)bundled.Shard].Length;
        if (bundled.Offset > length || bundled.Size > length - bundled.Offset)
        {
            throw Invalid(
                _shards[(int)bundled.Shard].Path, $"it is cut short: its tensor {TensorText.Quote(name)} takes {bundled.Size} bytes from byte {bundled.Offset} on, "
                + $"and the file has {length}");
        }

        TensorFlowEntry entry = new(name, bundled, Count(name, bundled));
        _entries.Add(entry);
        _byName.Add(name, entry);
    }

    private long Count(string name, BundleEntry entry)
    {
        try
        {
            long count = 1;
            foreach (long size in entry.Shape)
            {
                count = checked(count * size);
            }

            if (TensorFlowEntry.ElementsOf(entry.DType) is not { } elements || checked(count * elements.Size()) == (long)entry.Size)
            {
                return count;
            }
        }
        catch (OverflowException)
        {
            // As wrong as any other size that is not the data's.
        }

        throw Invalid(Path, $"its tensor {TensorText.Quote(name)} of shape {TensorText.Shape(entry.Shape)} has {entry.Size} bytes of data, which does not fit");
    }

    private void RefuseOverlaps()
    {
        for (int i = 1; i < _entries.Count; i++)
        {
            TensorFlowEntry before = _entries[i - 1], entry = _entries[i];
            if (entry.Shard == before.Shard && entry.Position < before.Position + before.ByteCount)
            {
                throw Invalid(Path, $"its tensors {TensorText.Quote(before.Name)} and {TensorText.Quote(entry.Name)} overlap");
            }
        }
    }

    private void RequireSum(TensorFlowEntry entry)
    {
        RawFile shard = _shards[entry.Shard];
        MaskedCrc32C crc = default;
        byte[] buffer = new byte[Math.Min(entry.ByteCount, ChunkBytes)];
        for (long done = 0; done < entry.ByteCount; done += buffer.Length)
        {
            Span<byte> chunk = buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.ByteCount - done));
            shard.Read(entry.Position + done, chunk);
            crc.Add(chunk);
        }

        if (crc.Value != entry.Crc)
        {
            throw Invalid(shard.Path, $"the checksum of its tensor {TensorText.Quote(entry.Name)} is wrong, so it is damaged");
        }
    }

    private TensorFlowEntry RequireOwn(TensorEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _byName.TryGetValue(entry.Name, out TensorFlowEntry? own) && ReferenceEquals(own, entry)
            ? own
            : throw new ArgumentException($"Tensor {TensorText.Quote(entry.Name)} is not an entry of this file.", nameof(entry));
    }
}
