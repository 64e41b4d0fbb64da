using Quatrain.Models;
using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.FineTuning;

/// <summary>The tokens of a text, and its class.</summary>
/// <param name="Ids">The token ids; none empty.</param>
/// <param name="Label">The class, counted from 0.</param>
public readonly record struct ClassificationExample(int[] Ids, int Label);

/// <summary>Learns to tell classes of texts apart.</summary>
public sealed class ClassificationTask : FineTuningTask
{
    private readonly Gpt2Classifier _classifier;
    private readonly int[] _labels;
    private readonly float[] _classWeights;
    private readonly List<(int Example, float[] Logits)> _scored = [];

    /// <summary>A task for <paramref name="classifier"/>, whose model's other parameters are frozen.</summary>
    /// <param name="classifier">What learns.</param>
    /// <param name="stage">How many of the model's stages no gradient reaches.</param>
    /// <param name="training">The training examples.</param>
    /// <param name="validation">The validation examples.</param>
    /// <param name="classWeights">How much each class counts in the loss; empty for all the same.</param>
    /// <param name="padId">What stands after the end of a shorter text.</param>
    /// <param name="adapters">The store of adapters that train with the head, or null.</param>
    public ClassificationTask(
        Gpt2Classifier classifier,
        int stage,
        IReadOnlyList<ClassificationExample> training,
        IReadOnlyList<ClassificationExample> validation,
        float[] classWeights,
        int padId,
        ParameterStore? adapters = null)
        : base(classifier.Model, stage, [.. training.Select(example => example.Ids)], [.. validation.Select(example => example.Ids)], padId)
    {
        (_classifier, _classWeights) = (classifier, classWeights);
        _labels = [.. training.Select(example => example.Label), .. validation.Select(example => example.Label)];
        Stores = adapters is null ? [Model.Parameters, classifier.HeadParameters] : [Model.Parameters, adapters, classifier.HeadParameters];
        ValidationExamples = validation;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterStore> Stores { get; }

    /// <summary>The validation examples.</summary>
    public IReadOnlyList<ClassificationExample> ValidationExamples { get; }

    /// <inheritdoc/>
    public override Gpt2Part LargestPart(Range examples, int batchSize)
    {
        int count = Math.Min(batchSize, examples.GetOffsetAndLength(Examples.Count).Length);
        bool pools = _classifier.Pooling == Pooling.Mean;
        return new Gpt2Part { FrozenStages = Stage, Rows = pools ? null : count, Sequences = pools ? count : null, Outputs = _classifier.ClassCount };
    }

    /// <inheritdoc/>
    public override Tensor Loss(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, Tensor x) =>
        CrossEntropyOp.Forward(tape, _classifier.LogitsFrom(tape, batch, x, Stage), Labels(examples), _classWeights);

    /// <inheritdoc/>
    public override void BeginScore() => _scored.Clear();

    /// <inheritdoc/>
    public override void Score(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ReadOnlySpan<float> logits = _classifier.LogitsFrom(tape, batch, x, Stage).Values;
        int classes = _classifier.ClassCount;
        for (int b = 0; b < examples.Count; b++)
        {
            _scored.Add((examples[b], logits.Slice(b * classes, classes).ToArray()));
        }
    }

    /// <inheritdoc/>
    public override TaskScore EndScore()
    {
        ScoredExample[] scored = [.. _scored.OrderBy(score => score.Example).Select(score => new ScoredExample("", _labels[score.Example], score.Logits))];
        int right = scored.Count(example => Array.IndexOf(example.Logits, example.Logits.Max()) == example.Label);
        double loss = MeanLoss(scored, 1);
        if (!double.IsFinite(loss))
        {
            return new TaskScore(loss, loss, null);
        }

        // A classifier becomes too sure of itself long before it becomes worse. Its temperature mends the one, so it must not decide which is the best.
        return new TaskScore(loss, MeanLoss(scored, Calibration.FitTemperature(scored)), (double)right / scored.Length);
    }

    private static double MeanLoss(ScoredExample[] scored, double temperature) =>
        scored.Average(example => ClassProbabilities.NegativeLogLikelihood(example.Logits, example.Label, temperature));

    private int[] Labels(IReadOnlyList<int> examples) => [.. examples.Select(example => _labels[example])];
}
