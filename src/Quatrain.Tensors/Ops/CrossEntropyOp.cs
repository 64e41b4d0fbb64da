using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>Softmax and cross entropy of logits against target ids.</summary>
public static unsafe class CrossEntropyOp
{
    /// <summary>The target that is not scored.</summary>
    public const int IgnoreIndex = -1;

    /// <summary>
    /// The mean over the scored targets of -log softmax(logits)[target], in nats; 0 where no target is scored.
    /// </summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="logits">[..., V]. The backward pass overwrites them with their gradient, so that the two never exist together.</param>
    /// <param name="targets">One id in [0, V), or <see cref="IgnoreIndex"/>, for each row of the logits.</param>
    /// <returns>The loss, a scalar [1].</returns>
    /// <exception cref="ArgumentException">There is not one target a row, or one lies outside the vocabulary.</exception>
    public static Tensor Forward(Tape tape, Tensor logits, ReadOnlySpan<int> targets)
    {
        int rows = logits.Shape.Rows, columns = logits.Shape.Last;
        if (targets.Length != rows)
        {
            throw new ArgumentException($"CrossEntropyOp: {targets.Length} targets for logits {logits.Shape}; there must be one a row, {rows}.");
        }

        Check.Ids(nameof(CrossEntropyOp), "targets", targets, columns, IgnoreIndex);
        Tensor loss = tape.NewTensor(new Shape(1), logits.RequiresGradient);
        int* copy = tape.Copy(targets);
        float* logSums = tape.Allocate(rows);
        float* losses = tape.Allocate(rows);
        using (tape.Measure("cross entropy, forward", logits.Shape, tensors: 1))
        {
            CrossEntropyKernel.Forward(logits.Data, copy, IgnoreIndex, rows, columns, losses, logSums, tape.Pool);
        }

        int scored = rows - targets.Count(IgnoreIndex);
        double sum = 0;
        for (int row = 0; row < rows; row++)
        {
            sum += losses[row];
        }

        *loss.Data = scored == 0 ? 0 : (float)(sum / scored);
        tape.Free(losses, rows);
        if (loss.RequiresGradient)
        {
            CrossEntropyNode node = tape.Record<CrossEntropyNode>(loss);
            (node.Logits, node.Scored) = (logits, scored);
            node.Targets = copy;
            node.LogSums = logSums;
        }
        else
        {
            tape.Free(copy, rows);
            tape.Free(logSums, rows);
        }

        return loss;
    }

    /// <summary>Writes -log softmax(logits)[target] of each row, in nats; 0 where the row is not scored.</summary>
    /// <param name="tape">A tape that does not record: there is no backward pass.</param>
    /// <param name="logits">[..., V].</param>
    /// <param name="targets">One id in [0, V), or <see cref="IgnoreIndex"/>, for each row of the logits.</param>
    /// <param name="losses">Overwritten; one a row.</param>
    /// <exception cref="ArgumentException">There is not one target and one loss a row, or a target lies outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">The tape records.</exception>
    public static void RowLosses(Tape tape, Tensor logits, ReadOnlySpan<int> targets, Span<float> losses)
    {
        int rows = logits.Shape.Rows, columns = logits.Shape.Last;
        if (tape.Recording)
        {
            throw new InvalidOperationException("CrossEntropyOp: losses of single rows pass no gradient on; use a tape that does not record.");
        }

        if (targets.Length != rows || losses.Length != rows)
        {
            throw new ArgumentException($"CrossEntropyOp: {targets.Length} targets and {losses.Length} losses for logits {logits.Shape}; there must be one a row, {rows}.");
        }

        Check.Ids(nameof(CrossEntropyOp), "targets", targets, columns, IgnoreIndex);
        float* logSums = tape.Allocate(rows);
        fixed (int* ids = targets)
        fixed (float* to = losses)
        {
            using OperationTimer timer = tape.Measure("cross entropy, forward", logits.Shape, tensors: 1);
            CrossEntropyKernel.Forward(logits.Data, ids, IgnoreIndex, rows, columns, to, logSums, tape.Pool);
        }

        tape.Free(logSums, rows);
    }

    private sealed class CrossEntropyNode : Node
    {
        public Tensor Logits = null!;
        public int* Targets;
        public float* LogSums;
        public int Scored;

        public override void Backward(Tape tape)
        {
            if (Logits.GradientWritten)
            {
                throw new InvalidOperationException("CrossEntropyOp: the logits have another use that wants a gradient; the loss must be the only one.");
            }

            float* grad = Logits.Data;
            if (Logits.IsParameter)
            {
                // Its elements must stay, and its gradient has a place of its own.
                grad = tape.GradientOf(Logits, out _);
            }

            Logits.GradientData = grad;
            Logits.GradientWritten = true;
            float scale = Scored == 0 ? 0 : *Output.GradientData / Scored;
            int rows = Logits.Shape.Rows;
            using (tape.Measure("cross entropy, backward", Logits.Shape, tensors: 2))
            {
                CrossEntropyKernel.Backward(Logits.Data, Targets, IgnoreIndex, LogSums, scale, rows, Logits.Shape.Last, grad, tape.Pool);
            }

            tape.Free(Targets, rows);
            tape.Free(LogSums, rows);
        }
    }
}
