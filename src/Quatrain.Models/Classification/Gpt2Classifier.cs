using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Classification;

/// <summary>A GPT-2 whose head scores classes of texts in place of next tokens.</summary>
/// <remarks>The head is a matrix without a bias, as that of transformers' GPT2ForSequenceClassification. It lies in a store of its own beside the model's.</remarks>
public sealed class Gpt2Classifier : IDisposable
{
    /// <summary>What the head's weight is called in files.</summary>
    public const string HeadName = "score.weight";

    private const double HeadDeviation = 0.02;

    // Keeps the head apart from everything else a seed decides; "head" in ASCII.
    private const ulong HeadLabel = 0x68656164;

    /// <summary>A classifier over <paramref name="model"/>, which it owns from now on. The head begins as zeros.</summary>
    /// <param name="model">Reads the texts.</param>
    /// <param name="classCount">K, at least 2.</param>
    /// <param name="pooling">What the head looks at.</param>
    public Gpt2Classifier(Gpt2Model model, int classCount, Pooling pooling)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        (Model, Pooling) = (model, pooling);
        Head = HeadParameters.Add(HeadName, new Shape(classCount, model.Config.EmbeddingSize));
        HeadParameters.Allocate();
    }

    /// <summary>What reads the texts.</summary>
    public Gpt2Model Model { get; }

    /// <summary>What the head looks at.</summary>
    public Pooling Pooling { get; }

    /// <summary>The head's store.</summary>
    public ParameterStore HeadParameters { get; } = new();

    /// <summary>The head: [K, C].</summary>
    public Tensor Head { get; }

    /// <summary>K.</summary>
    public int ClassCount => Head.Shape[0];

    /// <summary>Fills the head with small random weights.</summary>
    public void InitializeHead(ulong seed)
    {
        RandomSource random = new(seed, HeadLabel);
        foreach (ref float weight in Head.Values)
        {
            weight = (float)(HeadDeviation * random.NextNormal());
        }
    }

    /// <summary>The scores of the texts of <paramref name="batch"/>: [B, 1, K].</summary>
    public Tensor Logits(Tape tape, PaddedBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return LogitsFrom(tape, batch, Model.RunTo(tape, batch.Tokens, batch.BatchSize, 0), 0);
    }

    /// <summary>The scores of the texts of <paramref name="batch"/>, of which the first stages are done: [B, 1, K].</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="batch">The texts.</param>
    /// <param name="x">What <see cref="Gpt2Model.RunTo"/> gave: [B, T, C]. What lies at padding is of no consequence, as long as it is finite.</param>
    /// <param name="stage">The stages done.</param>
    public Tensor LogitsFrom(Tape tape, PaddedBatch batch, Tensor x, int stage)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Tensor pooled = Pooling == Pooling.Mean
            ? MeanPoolOp.Forward(tape, Model.RunFrom(tape, x, stage), batch.Lengths)
            : Model.RunFrom(tape, x, stage, batch.LastRows);
        return LinearOp.ForwardTransposed(tape, pooled, Head);
    }

    /// <summary>Frees the weights, the model's among them.</summary>
    public void Dispose()
    {
        HeadParameters.Dispose();
        Model.Dispose();
    }
}
