using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>The product with a linear layer's weight, whatever its format and order.</summary>
internal static unsafe class WeightProduct
{
    /// <summary>The first n columns of x W, with x [..., K] and W [K, N], or W^T with W [N, K] where <paramref name="transposed"/>, ended as the result says.</summary>
    public static void Multiply<TActivation>(string op, Tape tape, Tensor x, Tensor weight, bool transposed, int n, in MatMulResult result)
        where TActivation : unmanaged, IActivation
    {
        int m = x.Shape.Rows, k = x.Shape.Last;
        bool liesByOutputs = transposed != weight.LiesTransposed;
        if (weight.Format != WeightFormat.Int8)
        {
            Operand right = new(weight.Storage, liesByOutputs ? k : weight.Shape[transposed ? 0 : 1], liesByOutputs, weight.Format == WeightFormat.BFloat16);
            MatMulKernel.Run<TActivation>(new Operand(x.Data, k), right, m, n, k, result, tape.Pool);
            return;
        }

        if (!liesByOutputs)
        {
            throw new ArgumentException($"{op}: an int8 weight must lie output by output.");
        }

        long size = Int8Kernel.WorkspaceSize(m, k);
        float* workspace = tape.Allocate(size);
        Int8Kernel.Multiply<TActivation>(x.Data, weight.Storage, m, n, k, result, workspace, tape.Pool);
        tape.Free(workspace, size);
    }
}
