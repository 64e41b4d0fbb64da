using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>Softmax and cross entropy of logits against target ids.</summary>
public static unsafe class CrossEntropyOp
{
    /// <summary>The target that is not scored.</summary>
    public const int IgnoreIndex = -1;

    /// <summary>
    /// The mean over the scored targets of -log softmax(logits)[target], in nats; 0 where no target is scored. With class weights w it is the weighted mean,
    /// sum of w[target] * loss over sum of w[target], as PyTorch's.
    /// </summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="logits">[..., V]. The backward pass overwrites them with their gradient, so that the two never exist together.</param>
    /// <param name="targets">One id in [0, V), or <see cref="IgnoreIndex"/>, for each row of the logits.</param>
    /// <param name="classWeights">How much each of the V targets counts, at least 0; none for all 1.</param>
    /// <returns>The loss, a scalar [1].</returns>
    /// <exception cref="ArgumentException">There is not one target a row, one lies outside the vocabulary, or there is not one weight a class.</exception>
    public static Tensor Forward(Tape tape, Tensor logits, ReadOnlySpan<int> targets, ReadOnlySpan<float> classWeights = default)
    {
        int rows = logits.Shape.Rows, columns = logits.Shape.Last;
        if (targets.Length != rows)
        {
            throw new ArgumentException($"CrossEntropyOp: {targets.Length} targets for logits {logits.Shape}; there must be one a row, {rows}.");
        }

        if (!classWeights.IsEmpty && classWeights.Length != columns)
        {
            throw new ArgumentException($"CrossEntropyOp: {classWeights.Length} class weights for logits {logits.Shape}; there must be one a class, {columns}.");
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

        float* rowWeights = classWeights.IsEmpty ? null : tape.Allocate(rows);
        double sum = 0, scored = 0;
        for (int row = 0; row < rows; row++)
        {
            double weight = targets[row] == IgnoreIndex ? 0 : classWeights.IsEmpty ? 1 : classWeights[targets[row]];
            sum += weight * losses[row];
            scored += weight;
            if (rowWeights is not null)
            {
                rowWeights[row] = (float)weight;
            }
        }

        *loss.Data = scored == 0 ? 0 : (float)(sum / scored);
        tape.Free(losses, rows);
        if (loss.RequiresGradient)
        {
            CrossEntropyNode node = tape.Record<CrossEntropyNode>(loss);
            (node.Logits, node.Scored) = (logits, scored);
            node.Targets = copy;
            node.LogSums = logSums;
            node.RowWeights = rowWeights;
        }
        else
        {
            tape.Free(copy, rows);
            tape.Free(logSums, rows);
            FreeWeights(tape, rowWeights, rows);
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

    private static void FreeWeights(Tape tape, float* rowWeights, int rows)
    {
        if (rowWeights is not null)
        {
            tape.Free(rowWeights, rows);
        }
    }

    private sealed class CrossEntropyNode : Node
    {
        public Tensor Logits = null!;
        public int* Targets;
        public float* LogSums, RowWeights;
        public double Scored;

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
            float scale = Scored == 0 ? 0 : (float)(*Output.GradientData / Scored);
            int rows = Logits.Shape.Rows;
            using (tape.Measure("cross entropy, backward", Logits.Shape, tensors: 2))
            {
                CrossEntropyKernel.Backward(Logits.Data, Targets, IgnoreIndex, LogSums, RowWeights, scale, rows, Logits.Shape.Last, grad, tape.Pool);
            }

            tape.Free(Targets, rows);
            tape.Free(LogSums, rows);
            FreeWeights(tape, RowWeights, rows);
        }
    }
}
