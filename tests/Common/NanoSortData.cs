using System.Runtime.InteropServices;
using System.Text.Json;

namespace Quatrain.Tests;

/// <summary>
/// minGPT's gpt-nano, trained to sort six digits of 0 to 2, with every intermediate value of one batch (shared/data/gpt-nano-sort).
/// Tests of it are marked <c>[SharedDataFact(NanoSortData.ModelFile)]</c>; the file of activations lies beside that file.
/// </summary>
internal sealed class NanoSortData
{
    public const string ModelFile = "gpt-nano-sort/gpt-nano-sort-model.json";

    public const string PartialsFile = "gpt-nano-sort/gpt-nano-sort-t0-partials.json";

    private NanoSortData(JsonElement model, JsonElement partials)
    {
        JsonElement config = model.GetProperty("config");
        LayerCount = config.GetProperty("n_layer").GetInt32();
        HeadCount = config.GetProperty("n_head").GetInt32();
        EmbeddingSize = config.GetProperty("n_embd").GetInt32();
        VocabularySize = config.GetProperty("vocab_size").GetInt32();
        ContextLength = config.GetProperty("block_size").GetInt32();
        BatchSize = partials.GetProperty("config").GetProperty("B").GetInt32();
        Model = ReadTensors(model);
        Partials = ReadTensors(partials);
    }

    public int LayerCount { get; }

    public int HeadCount { get; }

    public int EmbeddingSize { get; }

    public int VocabularySize { get; }

    public int ContextLength { get; }

    public int BatchSize { get; }

    /// <summary>The model file's tensors under its own names (<c>transformer.wte.weight</c>); linear weights are [out, in].</summary>
    public IReadOnlyDictionary<string, (long[] Shape, float[] Data)> Model { get; }

    /// <summary>Activations of the batch, from <c>idx</c> to <c>probs</c>.</summary>
    public IReadOnlyDictionary<string, (long[] Shape, float[] Data)> Partials { get; }

    /// <summary>The batch's token ids [B, T], which the file keeps as floats.</summary>
    public int[] Tokens => [.. Partials["idx"].Data.Select(id => (int)id)];

    public static NanoSortData Load()
    {
        using JsonDocument model = JsonDocument.Parse(File.ReadAllBytes(SharedData.Get(ModelFile)));
        using JsonDocument partials = JsonDocument.Parse(File.ReadAllBytes(SharedData.Get(PartialsFile)));
        return new NanoSortData(model.RootElement, partials.RootElement);
    }

    /// <summary>The weights as GPT-2 publishes them: no prefix, no mask buffers, linear weights [in, out]. The head is not tied.</summary>
    public Dictionary<string, (long[] Shape, float[] Data)> Gpt2Weights()
    {
        Dictionary<string, (long[] Shape, float[] Data)> weights = [];
        foreach ((string name, (long[] Shape, float[] Data) tensor) in Model)
        {
            if (!name.EndsWith(".attn.bias", StringComparison.Ordinal))
            {
                bool isLinear = tensor.Shape.Length == 2 && name.StartsWith("transformer.h.", StringComparison.Ordinal);
                weights.Add(name.Replace("transformer.", "", StringComparison.Ordinal), isLinear ? Transpose(tensor) : tensor);
            }
        }

        return weights;
    }

    private static (long[] Shape, float[] Data) Transpose((long[] Shape, float[] Data) tensor)
    {
        int rows = (int)tensor.Shape[0];
        int columns = (int)tensor.Shape[1];
        float[] transposed = new float[tensor.Data.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                transposed[(column * rows) + row] = tensor.Data[(row * columns) + column];
            }
        }

        return ([columns, rows], transposed);
    }

    private static Dictionary<string, (long[] Shape, float[] Data)> ReadTensors(JsonElement file) =>
        file.EnumerateObject().Where(entry => entry.Name != "config").ToDictionary(entry => entry.Name, entry => ReadTensor(entry.Value));

    private static (long[] Shape, float[] Data) ReadTensor(JsonElement tensor)
    {
        long[] shape = [.. tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
        return (shape, MemoryMarshal.Cast<byte, float>(tensor.GetProperty("data").GetBytesFromBase64()).ToArray());
    }
}
