using System.Globalization;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Gpt2;

/// <summary>A GPT-2 in a checkpoint that is open and known to be whole: its configuration, and where each of its weights lies.</summary>
public sealed class Gpt2Source : IDisposable
{
    private const string TokenEmbedding = "wte.weight";
    private const string Head = "lm_head.weight";
    private const int ChunkFloats = 1 << 16;

    private readonly IReadOnlyDictionary<string, TensorEntry> _entries;

    private Gpt2Source(Gpt2Config config, ITensorFile file, IReadOnlyDictionary<string, TensorEntry> entries) =>
        (Config, File, _entries) = (config, file, entries);

    /// <summary>The sizes and options.</summary>
    public Gpt2Config Config { get; }

    /// <summary>The checkpoint.</summary>
    public ITensorFile File { get; }

    /// <summary>Opens the model in the folder at <paramref name="path"/> and checks that it holds every weight and no other.</summary>
    /// <remarks>Names may carry the prefix "transformer."; the mask buffers that old files hold are passed over.</remarks>
    /// <exception cref="InvalidDataException">
    /// The configuration or the weights file cannot be used, or the two do not fit; the message names what does not fit.
    /// </exception>
    /// <exception cref="IOException">The folder or one of its files is absent or cannot be read; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static Gpt2Source Open(string path)
    {
        ModelFolder.RequireFiles(path);
        Gpt2Config config = Gpt2ConfigJson.Read(Path.Combine(path, ModelFolder.ConfigFileName));
        SafetensorsFile file = SafetensorsFile.Open(Path.Combine(path, ModelFolder.WeightsFileName));
        try
        {
            IReadOnlyDictionary<string, TensorEntry> entries = TensorInventory.Check(
                file,
                Gpt2Memory.Parameters(config).Select(parameter => (parameter.Name, Gpt2Checkpoint.Sizes(parameter.Shape))),
                name => IsMask(name) || (config.TieEmbeddings && name == Head));
            if (config.TieEmbeddings)
            {
                RequireTiedHead(file, entries[TokenEmbedding]);
            }

            return new Gpt2Source(config, file, entries);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads the weight of that name, in the order of elements in which <see cref="Gpt2Model"/> has it.</summary>
    /// <param name="name">A parameter of the model.</param>
    /// <param name="destination">Overwritten; as many floats as the parameter has.</param>
    /// <exception cref="InvalidDataException">An element is not finite, or the file has since become shorter.</exception>
    public void ReadWeight(string name, Span<float> destination) => File.ReadFiniteFloats(_entries[name], destination);

    /// <summary>Closes the checkpoint.</summary>
    public void Dispose() => File.Dispose();

    // h.N.attn.bias and h.N.attn.masked_bias: the causal mask, which old versions of Hugging Face's classes saved.
    private static bool IsMask(string name)
    {
        string[] parts = name.Split('.');
        return parts is ["h", _, "attn", "bias" or "masked_bias"]
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _);
    }

    /// <summary>Refuses a model of a tied head whose file has a head of its own that differs from the token embedding.</summary>
    private static void RequireTiedHead(ITensorFile file, TensorEntry embedding)
    {
        foreach (TensorEntry head in file.Entries)
        {
            bool isHead = head.Name is Head or TensorInventory.TransformerPrefix + Head;
            if (isHead && !AreEqual(file, head, embedding))
            {
                throw new InvalidDataException(
                    $"Cannot load '{file.Path}': its {TensorText.Quote(head.Name)} differs from {TensorText.Quote(embedding.Name)}, "
                    + $"though the configuration ties the two; set tie_word_embeddings to false in {ModelFolder.ConfigFileName}.");
            }
        }
    }

    private static bool AreEqual(ITensorFile file, TensorEntry left, TensorEntry right)
    {
        if (!left.Shape.AsSpan().SequenceEqual(right.Shape))
        {
            return false;
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
}
