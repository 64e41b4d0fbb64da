using Quatrain.Models.Adapters;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;

namespace Quatrain.Models.Gpt2;

/// <summary>A small model whose gradients are checked.</summary>
/// <param name="Name">What is particular about it.</param>
/// <param name="Config">The model.</param>
/// <param name="Adapters">The adapters that it has and whose gradients are checked instead of its own, or null.</param>
public sealed record Gpt2GradientCheck(string Name, Gpt2Config Config, LoraConfig? Adapters = null);

/// <summary>Checks the gradient of every parameter of small whole models, or of every adapter, against finite differences of the logits.</summary>
public static class Gpt2GradientChecks
{
    private const int BatchSize = 2;
    private const int Length = 9;

    private static readonly Gpt2Config Small = new() { LayerCount = 2, HeadCount = 2, EmbeddingSize = 16, ContextLength = 12, VocabularySize = 23 };

    // A whole model passes through more roundings than one op, so less of a small difference is left.
    private const double Tolerance = 5e-3;

    /// <summary>The models that are checked: GPT-2's options, nanoGPT's, what neither has, and adapters.</summary>
    public static IReadOnlyList<Gpt2GradientCheck> Cases { get; } =
    [
        new("model, biases, tanh GELU, tied", Small),
        new("model, no biases, exact GELU, tied", Small with { Bias = false, Activation = Activation.GeluExact }),
        new("model, separate head, dropout", Small with { TieEmbeddings = false, EmbeddingDropout = 0.1f, AttentionDropout = 0.1f, ResidualDropout = 0.1f }),
        new("LoRA, all layers", Small, new LoraConfig { Rank = 3, Alpha = 6, Targets = ["*"] }),
        new("LoRA, two layers, dropout", Small with { ResidualDropout = 0.1f }, new LoraConfig { Rank = 2, Alpha = 4, Dropout = 0.2f, Targets = ["h.1.attn.c_proj", "h.0.mlp.c_fc"] }),
    ];

    /// <summary>Checks one of <see cref="Cases"/>.</summary>
    public static GradientCheckResult Run(Gpt2GradientCheck check, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(check);
        using Gpt2Model model = new(check.Config);
        RandomSource random = new(1);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            // Far from where training begins, so that no part of the model is nearly linear; norms' scales stay near 1.
            bool scale = !parameter.IsMatrix && parameter.Name.EndsWith(".weight", StringComparison.Ordinal);
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)((scale ? 1 : 0) + 0.2 * random.NextNormal());
            }
        }

        using LoraAdapters? adapters = check.Adapters is null ? null : Attach(model, check.Adapters, random);
        int[] tokens = [.. Enumerable.Range(0, BatchSize * Length).Select(_ => random.NextInt32(check.Config.VocabularySize))];
        IReadOnlyList<TensorGradientError> errors = GradientCheck.Run(
            adapters?.Parameters ?? model.Parameters, tape => model.Forward(tape, tokens, BatchSize), pool, new GradientCheckOptions { MaxElementsPerTensor = 24 });
        return new GradientCheckResult(check.Name, errors.Sum(e => e.Elements), errors.Max(e => e.MaxRelativeError), Tolerance);
    }

    private static LoraAdapters Attach(Gpt2Model model, LoraConfig config, RandomSource random)
    {
        LoraAdapters adapters = new(model, config, seed: 1);
        foreach (Parameter parameter in adapters.Parameters.Parameters)
        {
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)(0.3 * random.NextNormal());
            }
        }

        adapters.Attach(model);
        return adapters;
    }
}
