using System.Buffers;
using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2.Sources;

namespace Quatrain.Models.Gpt2;

/// <summary>A GPT-2 in a checkpoint that is open and known to be whole: its configuration, and where each of its weights lies.</summary>
public sealed class Gpt2Source : IDisposable
{
    private const string TokenEmbedding = "wte.weight";
    private const int ChunkFloats = 1 << 16;
    private const int ComparedBytes = 1 << 17;

    // What a transposing read holds beside the destination; large enough for long runs of it to be written at a time.
    private const int TransposedFloats = 1 << 20;

    private readonly Dictionary<string, Gpt2SourceWeight> _weights;

    // The widest padding in use: to multiples of 128, as llm.c has it. nanoGPT pads to 64.
    private const int VocabularyMultiple = 64;
    private const int MostPadding = 127;

    private Gpt2Source(Gpt2Config config, ITensorFile file, Dictionary<string, Gpt2SourceWeight> weights) =>
        (Config, File, _weights) = (config, file, weights);

    /// <summary>The sizes and options.</summary>
    public Gpt2Config Config { get; }

    /// <summary>The checkpoint.</summary>
    public ITensorFile File { get; }

    /// <summary>Opens the model at <paramref name="path"/> and checks that it holds every weight and no other.</summary>
    /// <remarks>
    /// The path is a folder or a file; what is in it decides the format. Names may carry a prefix, as the scheme has it; the mask buffers that old files hold, and a
    /// classifier's head, are passed over.
    /// </remarks>
    /// <param name="path">The folder or the file.</param>
    /// <param name="vocabularySize">
    /// The tokens in use, if they are known. Where the model's vocabulary is somewhat larger and a multiple of 64, the tokens beyond are padding that no
    /// text has: they are left out, so that they are never scored or sampled.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// The configuration or the weights file cannot be used, or the two do not fit; the message names what does not fit.
    /// </exception>
    /// <exception cref="IOException">The folder or one of its files is absent or cannot be read; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static Gpt2Source Open(string path, int? vocabularySize = null)
    {
        Gpt2Parts parts = Gpt2Format.Open(path);
        (Gpt2Config config, ITensorFile file) = (parts.Config, parts.File);
        try
        {
            Dictionary<string, Gpt2SourceWeight> weights = FindWeights(parts);
            return new Gpt2Source(WithoutPadding(config, vocabularySize), file, weights);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The same model with <paramref name="adapters"/> merged into its weights as they are read. The result takes over this source and the adapters.</summary>
    internal Gpt2Source Merge(LoraAdapters adapters)
    {
        Dictionary<string, (LoraAdapter Adapter, bool IsTransposed)> merged = new(StringComparer.Ordinal);
        foreach (LoraAdapter adapter in adapters.Adapters)
        {
            Gpt2SourceWeight weight = _weights[$"{adapter.LayerName}.weight"];
            merged.Add(weight.Entry.Name, (adapter, weight.IsTransposed));
        }

        return new Gpt2Source(Config, new MergedTensorFile(File, adapters, merged), _weights);
    }

    /// <summary>Reads the weight of that name, in the order of elements in which <see cref="Gpt2Model"/> has it.</summary>
    /// <param name="name">A parameter of the model.</param>
    /// <param name="destination">Overwritten; as many floats as the parameter has.</param>
    /// <exception cref="InvalidDataException">An element is not finite, or the file has since become shorter.</exception>
    public void ReadWeight(string name, Span<float> destination)
    {
        (TensorEntry entry, bool isTransposed) = _weights[name];
        long expected = entry.ElementCount;
        if (entry.Shape is [long rows, long width] && rows != Config.VocabularySize && (name is TokenEmbedding or Gpt2NameMap.Head))
        {
            // Padding at the end is left out.
            expected = Config.VocabularySize * width;
        }

        if (destination.Length != expected)
        {
            throw new ArgumentException($"The destination holds {destination.Length} floats, but the weight has {expected}.", nameof(destination));
        }

        if (isTransposed)
        {
            ReadTransposed(entry, destination);
        }
        else
        {
            File.ReadFiniteFloatRange(entry, 0, destination);
        }
    }

    /// <summary>Where the weight of that name lies; the entry may have more rows than the weight, which are padding.</summary>
    internal Gpt2SourceWeight Find(string name) => _weights[name];

    /// <summary>Closes the checkpoint.</summary>
    public void Dispose() => File.Dispose();

    private static Gpt2Config WithoutPadding(Gpt2Config config, int? vocabularySize)
    {
        bool isPadded = vocabularySize is { } used && used < config.VocabularySize
            && config.VocabularySize % VocabularyMultiple == 0 && config.VocabularySize - used <= MostPadding;
        return isPadded ? config with { VocabularySize = vocabularySize!.Value } : config;
    }

    private static Dictionary<string, Gpt2SourceWeight> FindWeights(Gpt2Parts parts)
    {
        (Gpt2Config config, ITensorFile file, Gpt2NameMap names, bool knowsHead) = parts;
        IReadOnlyList<(string Name, Tensors.Shape Shape)> parameters = Gpt2Memory.Parameters(config);
        string head = names.Translate(Gpt2NameMap.Head).Name;
        IReadOnlyDictionary<string, TensorEntry> entries = TensorInventory.Check(
            file,
            parameters.Select(parameter =>
            {
                ForeignWeight foreign = names.Translate(parameter.Name);
                return (foreign.Name, foreign.ShapeOf(Gpt2Checkpoint.Sizes(parameter.Shape)));
            }),
            name => Gpt2NameMap.IsMask(name) || name == Gpt2Classifier.HeadName || (config.TieEmbeddings && name == head),
            names.OptionalPrefix);
        Dictionary<string, Gpt2SourceWeight> weights = new(StringComparer.Ordinal);
        foreach ((string name, _) in parameters)
        {
            ForeignWeight foreign = names.Translate(name);
            weights.Add(name, new Gpt2SourceWeight(entries[foreign.Name], foreign.Layout == WeightLayout.Transposed));
        }

        if (config.TieEmbeddings && !knowsHead)
        {
            RequireTiedHead(file, weights[TokenEmbedding].Entry, [head, names.OptionalPrefix + head]);
        }

        return weights;
    }

    /// <summary>Refuses a model of a tied head whose file has a head of its own that differs from the token embedding.</summary>
    private static void RequireTiedHead(ITensorFile file, TensorEntry embedding, ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (file.TryGet(name, out TensorEntry? head) && !AreEqual(file, head, embedding))
            {
                throw new InvalidDataException(
                    $"Cannot load '{file.Path}': its {TensorText.Quote(head.Name)} differs from {TensorText.Quote(embedding.Name)}, "
                    + $"though the configuration ties the two; set tie_word_embeddings to false in {ModelFolder.ConfigFileName}.");
            }
        }
    }

    /// <summary>Whether two tensors hold the same numbers.</summary>
    internal static bool AreEqual(ITensorFile file, TensorEntry left, TensorEntry right)
    {
        if (!left.Shape.AsSpan().SequenceEqual(right.Shape) || !left.IsReadableAsFloats || !right.IsReadableAsFloats)
        {
            return false;
        }

        // The same bytes are the same numbers, and much sooner compared.
        if (file.Locate(left) is { } place && file.Locate(right) is { } other && place.Type == other.Type && HaveSameBytes(place, other))
        {
            return true;
        }

        float[] leftFloats = new float[ChunkFloats], rightFloats = new float[ChunkFloats];
        for (long start = 0; start < left.ElementCount; start += ChunkFloats)
        {
            int count = (int)Math.Min(ChunkFloats, left.ElementCount - start);
            file.ReadFloatRange(left, start, leftFloats.AsSpan(0, count));
            file.ReadFloatRange(right, start, rightFloats.AsSpan(0, count));
            if (!leftFloats.AsSpan(0, count).SequenceEqual(rightFloats.AsSpan(0, count)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool HaveSameBytes(FileRegion left, FileRegion right)
    {
        if (left == right || left.Length != right.Length)
        {
            return left == right;
        }

        using RawFile leftFile = RawFile.Open(left.Path), rightFile = RawFile.Open(right.Path);
        // Both stay in a core's cache.
        byte[] leftBytes = new byte[ComparedBytes], rightBytes = new byte[ComparedBytes];
        for (long start = 0; start < left.Length; start += ComparedBytes)
        {
            int count = (int)Math.Min(ComparedBytes, left.Length - start);
            Span<byte> leftPart = leftBytes.AsSpan(0, count), rightPart = rightBytes.AsSpan(0, count);
            leftFile.Read(left.Offset + start, leftPart);
            rightFile.Read(right.Offset + start, rightPart);
            if (!leftPart.SequenceEqual(rightPart))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads [outputs, inputs] into [inputs, outputs], some rows at a time.</summary>
    private void ReadTransposed(TensorEntry entry, Span<float> destination)
    {
        int outputs = (int)entry.Shape[0], inputs = (int)entry.Shape[1];
        int rowsAtOnce = Math.Clamp(TransposedFloats / inputs, 1, outputs);
        float[] buffer = ArrayPool<float>.Shared.Rent(rowsAtOnce * inputs);
        try
        {
            for (int first = 0; first < outputs; first += rowsAtOnce)
            {
                int rows = Math.Min(rowsAtOnce, outputs - first);
                Span<float> block = buffer.AsSpan(0, rows * inputs);
                File.ReadFiniteFloatRange(entry, (long)first * inputs, block);
                for (int input = 0; input < inputs; input++)
                {
                    Span<float> column = destination.Slice((input * outputs) + first, rows);
                    for (int row = 0; row < column.Length; row++)
                    {
                        column[row] = block[(row * inputs) + input];
                    }
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }
}

/// <summary>Where a weight lies in a checkpoint.</summary>
/// <param name="Entry">The tensor that holds it.</param>
/// <param name="IsTransposed">Whether it lies as [outputs, inputs], where the model has [inputs, outputs].</param>
internal readonly record struct Gpt2SourceWeight(TensorEntry Entry, bool IsTransposed);
