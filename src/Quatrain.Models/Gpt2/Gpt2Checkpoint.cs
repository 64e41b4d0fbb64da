using System.Globalization;
using Quatrain.Models.Checkpoints;
using Quatrain.Tensors;

namespace Quatrain.Models.Gpt2;

/// <summary>Saves a GPT-2 to a folder and loads it: config.json and model.safetensors, with the names of the published weights.</summary>
public static class Gpt2Checkpoint
{
    private const string TokenEmbedding = "wte.weight";
    private const string Head = "lm_head.weight";
    private const int ChunkFloats = 1 << 16;

    /// <summary>
    /// Writes the model's configuration and weights, as F32, to <paramref name="folder"/>, which is made where it is
    /// absent.
    /// </summary>
    /// <remarks>
    /// Each file is replaced whole, so a crash while a run saves once more leaves the last good pair. Where the folder holds a model of
    /// another configuration, that configuration goes first: a crash then leaves a folder that cannot be loaded rather than one that loads
    /// wrongly.
    /// </remarks>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="model">The model to save.</param>
    /// <param name="metadata">Notes for the head of the weights file, or null. The note format = pt, which other readers ask for, is
    /// added.</param>
    /// <exception cref="InvalidDataException">A weight is not finite; the files stay as they were.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public static void Save(string folder, Gpt2Model model, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(model);
        if (File.Exists(folder))
        {
            throw new IOException($"Cannot save a model to '{folder}': it is a file; choose another name for the folder.");
        }

        RequireFinite(folder, model);
        Directory.CreateDirectory(folder);
        string configPath = Path.Combine(folder, ModelFolder.ConfigFileName);
        if (File.Exists(configPath) && !Holds(configPath, model.Config))
        {
            File.Delete(configPath);
        }

        Dictionary<string, string> notes = new(StringComparer.Ordinal) { ["format"] = "pt" };
        foreach ((string name, string value) in metadata ?? new Dictionary<string, string>())
        {
            notes[name] = value;
        }

        SafetensorsWriter.Write(
            Path.Combine(folder, ModelFolder.WeightsFileName),
            [.. model.Parameters.Parameters.Select(parameter => new SafetensorsTensor(
                parameter.Name, Sizes(parameter.Tensor.Shape), () => parameter.Tensor.Values))],
            notes);
        Gpt2ConfigJson.Write(configPath, model.Config);
    }

    /// <summary>Loads the model in the folder at <paramref name="path"/>.</summary>
    /// <remarks>
    /// Names may carry the prefix "transformer."; the mask buffers that old files hold are passed over. No memory is taken for the weights
    /// before the file is known to hold every one of them.
    /// </remarks>
    /// <exception cref="InvalidDataException">
    /// The configuration or the weights file cannot be used, the two do not fit, or a weight is not finite; the message names what does
    /// not fit.
    /// </exception>
    /// <exception cref="IOException">The folder or one of its files is absent or cannot be read; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for the weights.</exception>
    public static Gpt2Model Load(string path)
    {
        ModelFolder.RequireFiles(path);
        Gpt2Config config = Gpt2ConfigJson.Read(Path.Combine(path, ModelFolder.ConfigFileName));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(path, ModelFolder.WeightsFileName));
        Gpt2Model model = new(config, allocate: false);
        try
        {
            IReadOnlyDictionary<string, SafetensorsEntry> entries = TensorInventory.Check(
                file,
                model.Parameters.Parameters.Select(parameter => (parameter.Name, Sizes(parameter.Tensor.Shape))),
                name => IsMask(name) || (config.TieEmbeddings && name == Head));
            if (config.TieEmbeddings)
            {
                RequireTiedHead(file, entries[TokenEmbedding]);
            }

            model.Parameters.Allocate();
            foreach (Parameter parameter in model.Parameters.Parameters)
            {
                file.ReadFiniteFloats(entries[parameter.Name], parameter.Tensor.Values);
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // h.N.attn.bias and h.N.attn.masked_bias: the causal mask, which old versions of Hugging Face's classes saved.
    private static bool IsMask(string name)
    {
        string[] parts = name.Split('.');
        return parts is ["h", _, "attn", "bias" or "masked_bias"]
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _);
    }

    /// <summary>Refuses a model of a tied head whose file has a head of its own that differs from the token embedding.</summary>
    private static void RequireTiedHead(SafetensorsFile file, SafetensorsEntry embedding)
    {
        foreach (SafetensorsEntry head in file.Entries)
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

    private static bool AreEqual(SafetensorsFile file, SafetensorsEntry left, SafetensorsEntry right)
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

    private static bool Holds(string configPath, Gpt2Config config)
    {
        try
        {
            return Gpt2ConfigJson.Read(configPath) == config;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static void RequireFinite(string folder, Gpt2Model model)
    {
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            foreach (float weight in parameter.Tensor.Values)
            {
                if (!float.IsFinite(weight))
                {
                    throw new InvalidDataException(
                        $"Cannot save the model to '{folder}': '{parameter.Name}' holds {weight}, so its training has diverged; "
                        + "go on from an earlier checkpoint with a lower learning rate.");
                }
            }
        }
    }

    private static long[] Sizes(Shape shape) => [.. Enumerable.Range(0, shape.Rank).Select(i => (long)shape[i])];
}
