using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>A linear layer on the way back: dx = dy W^T, dW = x^T dy, db = the sum of dy's rows.</summary>
internal unsafe class LinearNode : Node
{
    public Tensor X = null!, Weight = null!;
    public Tensor? Bias, Residual;
    public bool Transposed;

    public override void Backward(Tape tape)
    {
        int rows = X.Shape.Rows, inputs = X.Shape.Last, outputs = Output.Shape.Last;
        Operand dy = new(Output.GradientData, outputs);
        if (X.RequiresGradient)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            bool liesByOutputs = Transposed != Weight.LiesTransposed;
            Operand weight = new(Weight.Storage, liesByOutputs ? inputs : outputs, !liesByOutputs, Weight.Format == WeightFormat.BFloat16);
            using OperationTimer timer = tape.MeasureProduct("linear, dx", rows, inputs, outputs);
            MatMulKernel.Multiply(dy, weight, rows, inputs, outputs, null, accumulate ? grad : null, inputs, grad, inputs, tape.Pool);
        }

        if (Weight.RequiresGradient)
        {
            float* grad = tape.GradientOf(Weight, out bool accumulate);
            Operand x = new(X.Data, inputs);
            (Operand left, Operand right, int height, int width) = Transposed ? (dy, x, outputs, inputs) : (x, dy, inputs, outputs);
            left = new Operand(left.Data, (int)left.Stride, transposed: true);
            using OperationTimer timer = tape.MeasureProduct("linear, dW", height, width, rows);
            MatMulKernel.Multiply(left, right, height, width, rows, null, accumulate ? grad : null, width, grad, width, tape.Pool);
        }

        if (Bias is { RequiresGradient: true })
        {
            float* grad = tape.GradientOf(Bias, out bool accumulate);
            using OperationTimer timer = tape.Measure("linear, db", Output.Shape, tensors: 1);
            ColumnSumKernel.Sum(Output.GradientData, outputs, rows, outputs, grad, accumulate, tape.Pool);
        }

        // Last, because the residual may take over the very memory that was read above.
        if (Residual is { RequiresGradient: true })
        {
            tape.PassOn(Output, Residual);
        }
    }
}
