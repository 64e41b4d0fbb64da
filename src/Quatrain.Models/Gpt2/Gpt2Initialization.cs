using Quatrain.Tensors;

namespace Quatrain.Models.Gpt2;

/// <summary>How a model's weights begin.</summary>
public enum InitializationScheme
{
    /// <summary>
    /// nanoGPT: normal with standard deviation 0.02, the projections that end a branch 0.02 / sqrt(2 L), so that the residual stream's variance does
    /// not grow with depth.
    /// </summary>
    NanoGpt,

    /// <summary>OpenAI's GPT-2 code: normal with standard deviation 0.02, position embeddings 0.01.</summary>
    Gpt2,
}

/// <summary>Fills a model with random weights. Biases begin at 0 and the norms' scales at 1 in every scheme.</summary>
public static class Gpt2Initialization
{
    private const double StandardDeviation = 0.02;

    /// <summary>Fills <paramref name="model"/>; the same seed gives the same weights on every machine.</summary>
    public static void Initialize(Gpt2Model model, InitializationScheme scheme, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(model);
        for (int i = 0; i < model.Parameters.Parameters.Count; i++)
        {
            Parameter parameter = model.Parameters.Parameters[i];
            if (!parameter.IsMatrix)
            {
                parameter.Tensor.Values.Fill(parameter.Name.EndsWith(".weight", StringComparison.Ordinal) ? 1 : 0);
                continue;
            }

            // A source for each tensor, so that one tensor's size does not shift the next one's weights.
            RandomSource random = new(seed, (ulong)i);
            double deviation = Deviation(parameter.Name, scheme, model.Config.LayerCount);
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)(deviation * random.NextNormal());
            }
        }
    }

    private static double Deviation(string name, InitializationScheme scheme, int layerCount) => scheme switch
    {
        InitializationScheme.NanoGpt when name.EndsWith("c_proj.weight", StringComparison.Ordinal) => StandardDeviation / Math.Sqrt(2 * layerCount),
        InitializationScheme.Gpt2 when name == "wpe.weight" => StandardDeviation / 2,
        _ => StandardDeviation,
    };
}
