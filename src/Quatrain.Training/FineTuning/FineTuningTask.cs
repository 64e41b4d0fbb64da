using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Training.FineTuning;

/// <summary>What a model is taught by examples: their tokens, and the loss of what the model makes of them.</summary>
/// <param name="model">The model, its other parameters frozen.</param>
/// <param name="stage">How many of the model's stages no gradient reaches, as <see cref="TrainedPart.Apply"/> says.</param>
/// <param name="training">The token ids of each training example.</param>
/// <param name="validation">The token ids of each validation example.</param>
/// <param name="padId">What stands after the end of an example that is shorter than others beside it.</param>
public abstract class FineTuningTask(Gpt2Model model, int stage, IReadOnlyList<int[]> training, IReadOnlyList<int[]> validation, int padId)
{
    /// <summary>The model.</summary>
    public Gpt2Model Model => model;

    /// <summary>How many of the model's stages no gradient reaches.</summary>
    public int Stage => stage;

    /// <summary>The id of padding.</summary>
    public int PadId => padId;

    /// <summary>The token ids of all examples: those of training, then those of validation. An example is known by its index here.</summary>
    public IReadOnlyList<int[]> Examples { get; } = [.. training, .. validation];

    /// <summary>The number of training examples.</summary>
    public int TrainingCount => training.Count;

    /// <summary>The number of validation examples.</summary>
    public int ValidationCount => validation.Count;

    /// <summary>The stores of everything that may train: the model's, and that of what was added to it.</summary>
    public abstract IReadOnlyList<ParameterStore> Stores { get; }

    /// <summary>The tokens of some examples, padded.</summary>
    public PaddedBatch Batch(IReadOnlyList<int> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        return new PaddedBatch([.. examples.Select(example => Examples[example])], padId);
    }

    /// <summary>What the stages below <see cref="Stage"/> make of a batch: [B, T, C]. Where they are more than none, no gradient goes back through it.</summary>
    /// <param name="tape">The tape it is used on.</param>
    /// <param name="examples">The index of each example.</param>
    /// <param name="batch">Their tokens.</param>
    /// <param name="prefix">What has the stages' results, or null: they are computed, which only a tape that does not record can do.</param>
    public Tensor Input(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, FrozenPrefix? prefix)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(batch);
        if (prefix is null)
        {
            return tape.Recording && stage > 0
                ? throw new InvalidOperationException("The frozen stages are not recorded; give a prefix that has their results.")
                : model.RunTo(tape, batch.Tokens, batch.BatchSize, stage);
        }

        Tensor x = tape.Input(new Shape(batch.BatchSize, batch.Length, model.Config.EmbeddingSize));
        prefix.Fill(x, examples, batch);
        return x;
    }

    /// <summary>What <see cref="Loss"/> and <see cref="Score"/> work on, at most, for any <paramref name="batchSize"/> of some examples.</summary>
    /// <param name="examples">Which examples.</param>
    /// <param name="batchSize">How many at a time.</param>
    public abstract Gpt2Part LargestPart(Range examples, int batchSize);

    /// <summary>The loss of a batch, a scalar.</summary>
    /// <param name="tape">A tape that records.</param>
    /// <param name="examples">The index of each example.</param>
    /// <param name="batch">Their tokens.</param>
    /// <param name="x">What the stages below <see cref="Stage"/> make of them: [B, T, C].</param>
    public abstract Tensor Loss(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, Tensor x);

    /// <summary>Begins to score examples from nothing.</summary>
    public abstract void BeginScore();

    /// <summary>Scores a batch and adds it to what was scored since <see cref="BeginScore"/>.</summary>
    /// <param name="tape">A tape that does not record.</param>
    /// <param name="examples">The index of each example.</param>
    /// <param name="batch">Their tokens.</param>
    /// <param name="x">What the stages below <see cref="Stage"/> make of them: [B, T, C].</param>
    public abstract void Score(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, Tensor x);

    /// <summary>What was scored since <see cref="BeginScore"/>.</summary>
    public abstract TaskScore EndScore();
}

/// <summary>What a model made of examples it does not train on.</summary>
/// <param name="Loss">The mean loss, in nats.</param>
/// <param name="Criterion">What the best model has the least of: the loss, or something that says more of what the model is for.</param>
/// <param name="Accuracy">The share of examples that are right, where that is defined.</param>
public readonly record struct TaskScore(double Loss, double Criterion, double? Accuracy);
