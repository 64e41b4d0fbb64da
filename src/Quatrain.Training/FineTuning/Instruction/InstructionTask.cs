using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>Learns to go on as instruction data does: the loss is measured where a target is, and the head works for those places alone.</summary>
public sealed class InstructionTask : FineTuningTask
{
    private readonly int[][] _targets;
    private double _loss;
    private long _scored;

    /// <summary>A task for <paramref name="model"/>, whose other parameters are frozen.</summary>
    /// <param name="model">What learns.</param>
    /// <param name="stage">How many of the model's stages no gradient reaches.</param>
    /// <param name="training">The training examples.</param>
    /// <param name="validation">The validation examples.</param>
    /// <param name="padId">What stands after the end of a shorter example.</param>
    /// <param name="adapters">The store of adapters that train, or null.</param>
    public InstructionTask(
        Gpt2Model model, int stage, IReadOnlyList<InstructionExample> training, IReadOnlyList<InstructionExample> validation, int padId, ParameterStore? adapters = null)
        : base(model, stage, [.. training.Select(example => example.Ids)], [.. validation.Select(example => example.Ids)], padId)
    {
        _targets = [.. training.Select(example => example.Targets), .. validation.Select(example => example.Targets)];
        Stores = adapters is null ? [model.Parameters] : [model.Parameters, adapters];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterStore> Stores { get; }

    /// <inheritdoc/>
    public override Gpt2Part LargestPart(Range examples, int batchSize) => new()
    {
        FrozenStages = Stage,
        Rows = _targets[examples].Select(targets => targets.Length - targets.AsSpan().Count(CrossEntropyOp.IgnoreIndex)).OrderDescending().Take(batchSize).Sum(),
        Outputs = Model.VocabularySize,
    };

    /// <inheritdoc/>
    public override Tensor Loss(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, Tensor x)
    {
        (int[] rows, int[] targets) = Scored(examples, batch);
        return CrossEntropyOp.Forward(tape, Logits(tape, x, rows), targets);
    }

    /// <inheritdoc/>
    public override void BeginScore() => (_loss, _scored) = (0, 0);

    /// <inheritdoc/>
    public override void Score(Tape tape, IReadOnlyList<int> examples, PaddedBatch batch, Tensor x)
    {
        (int[] rows, int[] targets) = Scored(examples, batch);
        float[] losses = new float[targets.Length];
        CrossEntropyOp.RowLosses(tape, Logits(tape, x, rows), targets, losses);
        _loss += losses.Sum(loss => (double)loss);
        _scored += losses.Length;
    }

    /// <inheritdoc/>
    public override TaskScore EndScore() => new(_loss / _scored, _loss / _scored, null);

    private Tensor Logits(Tape tape, Tensor x, int[] rows) => Model.Logits(tape, Model.RunFrom(tape, x, Stage, rows));

    /// <summary>The rows of a batch that have a target, and their targets.</summary>
    private (int[] Rows, int[] Targets) Scored(IReadOnlyList<int> examples, PaddedBatch batch)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(batch);
        List<int> rows = [], targets = [];
        for (int b = 0; b < examples.Count; b++)
        {
            int[] all = _targets[examples[b]];
            for (int t = 0; t < all.Length; t++)
            {
                if (all[t] != CrossEntropyOp.IgnoreIndex)
                {
                    rows.Add(b * batch.Length + t);
                    targets.Add(all[t]);
                }
            }
        }

        return ([.. rows], [.. targets]);
    }
}
