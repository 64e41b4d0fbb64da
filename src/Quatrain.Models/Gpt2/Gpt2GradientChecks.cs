using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;

namespace Quatrain.Models.Gpt2;

/// <summary>Checks the gradient of every parameter of small whole models against finite differences of the logits.</summary>
public static class Gpt2GradientChecks
{
    private const int BatchSize = 2;
    private const int Length = 9;

    private static readonly Gpt2Config Small = new() { LayerCount = 2, HeadCount = 2, EmbeddingSize = 16, ContextLength = 12, VocabularySize = 23 };

    // A whole model passes through more roundings than one op, so less of a small difference is left.
    private const double Tolerance = 5e-3;

    /// <summary>The models that are checked: GPT-2's options, nanoGPT's, and what neither has.</summary>
    public static IReadOnlyList<(string Name, Gpt2Config Config)> Cases { get; } =
    [
        ("model, biases, tanh GELU, tied", Small),
        ("model, no biases, exact GELU, tied", Small with { Bias = false, Activation = Activation.GeluExact }),
        ("model, separate head, dropout", Small with { TieEmbeddings = false, EmbeddingDropout = 0.1f, AttentionDropout = 0.1f, ResidualDropout = 0.1f }),
    ];

    /// <summary>Checks one of <see cref="Cases"/>.</summary>
    public static GradientCheckResult Run((string Name, Gpt2Config Config) check, WorkerPool pool)
    {
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

        int[] tokens = [.. Enumerable.Range(0, BatchSize * Length).Select(_ => random.NextInt32(check.Config.VocabularySize))];
        IReadOnlyList<TensorGradientError> errors = GradientCheck.Run(
            model.Parameters, tape => model.Forward(tape, tokens, BatchSize), pool, new GradientCheckOptions { MaxElementsPerTensor = 24 });
        return new GradientCheckResult(check.Name, errors.Sum(e => e.Elements), errors.Max(e => e.MaxRelativeError), Tolerance);
    }
}
