using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Quatrain.Models.Gpt2;

namespace Quatrain.Models.Checkpoints.LlmC;

/// <summary>An open file of weights of llm.c: 256 numbers of 32 bits, then every tensor, each kind for all layers at once.</summary>
/// <remarks>
/// Format: github.com/karpathy/llm.c, train_gpt2.py, write_model. Version 3 holds float32, version 5 bfloat16. The token embedding has rows beyond the
/// vocabulary, which only make its size even; they are left out here. Safe to use from many threads.
/// </remarks>
internal sealed class LlmCFile : ITensorFile
{
    /// <summary>The first number of the file.</summary>
    public const int Magic = 20240326;

    /// <summary>The version that holds float32.</summary>
    public const int SingleVersion = 3;

    /// <summary>The version that holds bfloat16.</summary>
    public const int HalfVersion = 5;

    /// <summary>The numbers of the header.</summary>
    public const int HeaderLength = 256;

    private readonly RawFile _file;
    private readonly RawElementType _type;
    private readonly List<LlmCEntry> _entries;
    private readonly Dictionary<string, LlmCEntry> _byName;

    private LlmCFile(RawFile file, RawElementType type, Gpt2Config config, List<LlmCEntry> entries)
    {
        (_file, _type, Config, _entries) = (file, type, config, entries);
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <summary>The model that the header describes.</summary>
    public Gpt2Config Config { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorEntry> Entries => _entries;

    /// <summary>Opens a file; its header and its length are checked.</summary>
    /// <exception cref="InvalidDataException">It is no such file, is of another version, or is not as long as its header says.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static LlmCFile Open(string path)
    {
        RawFile file = RawFile.Open(path);
        try
        {
            int[] header = ReadHeader(file);
            RawElementType type = header[1] switch
            {
                SingleVersion => RawElementType.F32,
                HalfVersion => RawElementType.BF16,
                _ => throw Invalid(path, $"it is of version {header[1]}, and only {SingleVersion} (float32) and {HalfVersion} (bfloat16) can be read"),
            };
            Gpt2Config config = ReadConfig(path, header);
            int paddedVocabulary = header[7];
            if (paddedVocabulary < config.VocabularySize)
            {
                throw Invalid(path, $"its header has room for {paddedVocabulary} tokens, less than the {config.VocabularySize} of its vocabulary");
            }

            // Before any list of tensors, which a header alone could make long.
            long padding = (long)(paddedVocabulary - config.VocabularySize) * config.EmbeddingSize;
            long length = (HeaderLength * sizeof(int)) + type.Bytes(config.ParameterCount + padding);
            return length == file.Length
                ? new LlmCFile(file, type, config, Place(config, paddedVocabulary, type))
                : throw Invalid(path, $"it is {file.Length} bytes long, and its header describes a model that takes {length}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry)
    {
        bool found = _byName.TryGetValue(name, out LlmCEntry? own);
        entry = own;
        return found;
    }

    /// <inheritdoc/>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        LlmCEntry own = RequireOwn(entry);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, entry.ElementCount - destination.Length);
        _file.ReadFloats(_type, own.Offset, start, destination);
    }

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry)
    {
        LlmCEntry own = RequireOwn(entry);
        return new FileRegion(Path, own.Offset, _type.Bytes(own.ElementCount), _type);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static int[] ReadHeader(RawFile file)
    {
        byte[] bytes = new byte[HeaderLength * sizeof(int)];
        if (file.Length < bytes.Length)
        {
            throw Invalid(file.Path, $"it holds only {file.Length} bytes, too few for the header of a file of llm.c");
        }

        file.Read(0, bytes);
        int[] header = new int[HeaderLength];
        for (int i = 0; i < header.Length; i++)
        {
            header[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * sizeof(int)));
        }

        return header[0] == Magic ? header : throw Invalid(file.Path, "it does not begin with the number that marks a file of llm.c");
    }

    private static Gpt2Config ReadConfig(string path, int[] header)
    {
        Gpt2Config config = new()
        {
            ContextLength = header[2],
            VocabularySize = header[3],
            LayerCount = header[4],
            HeadCount = header[5],
            EmbeddingSize = header[6],
        };
        try
        {
            config.Validate();
            return config;
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"Cannot use '{path}': its header does not describe a model. {error.Message}", error);
        }
    }

    // The model's own order of names within a block; here each comes for all layers before the next.
    private static List<LlmCEntry> Place(Gpt2Config config, int paddedVocabulary, RawElementType type)
    {
        long offset = HeaderLength * sizeof(int);
        List<LlmCEntry> entries = [];
        foreach (LlmCTensor tensor in LlmCTensor.All(config))
        {
            entries.Add(new LlmCEntry(tensor.Name, type.Label(), tensor.Shape, offset));
            long rows = tensor.Name == LlmCTensor.TokenEmbedding ? paddedVocabulary : tensor.Shape[0];
            offset += type.Bytes(rows * tensor.Shape.Skip(1).Aggregate(1L, (product, size) => product * size));
        }

        return entries;
    }

    private LlmCEntry RequireOwn(TensorEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _byName.TryGetValue(entry.Name, out LlmCEntry? own) && ReferenceEquals(own, entry)
            ? own
            : throw new ArgumentException($"Tensor {TensorText.Quote(entry.Name)} is not an entry of this file.", nameof(entry));
    }

    private static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot read '{path}': {problem}; export the file again.");

    private sealed class LlmCEntry(string name, string typeName, long[] shape, long offset)
        : TensorEntry(name, shape, shape.Aggregate(1L, (product, size) => product * size))
    {
        public override string TypeName => typeName;

        public override bool IsReadableAsFloats => true;

        public long Offset => offset;
    }
}
