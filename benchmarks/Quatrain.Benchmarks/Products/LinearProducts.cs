using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Benchmarks.Products;

/// <summary>The three products of a linear layer in training. Each overwrites its result.</summary>
/// <param name="shape">The layer.</param>
/// <param name="x">[M, K].</param>
/// <param name="weight">[K, N], or [N, K] where it is transposed.</param>
/// <param name="y">[M, N].</param>
/// <param name="pool">The workers.</param>
internal sealed unsafe class LinearProducts(ProductShape shape, float* x, float* weight, float* y, WorkerPool pool)
{
    /// <summary>y = x W.</summary>
    public void Forward() =>
        MatMulKernel.Multiply(new Operand(x, shape.Inputs), Weight(shape.Transposed), shape.Rows, shape.Outputs, shape.Inputs, null, null, 0, y, shape.Outputs, pool);

    /// <summary>dx = dy W^T.</summary>
    public void InputGradient() =>
        MatMulKernel.Multiply(new Operand(y, shape.Outputs), Weight(!shape.Transposed), shape.Rows, shape.Inputs, shape.Outputs, null, null, 0, x, shape.Inputs, pool);

    /// <summary>dW = x^T dy, or its transpose.</summary>
    public void WeightGradient()
    {
        if (shape.Transposed)
        {
            MatMulKernel.Multiply(
                new Operand(y, shape.Outputs, transposed: true), new Operand(x, shape.Inputs), shape.Outputs, shape.Inputs, shape.Rows,
                null, null, 0, weight, shape.Inputs, pool);
        }
        else
        {
            MatMulKernel.Multiply(
                new Operand(x, shape.Inputs, transposed: true), new Operand(y, shape.Outputs), shape.Inputs, shape.Outputs, shape.Rows,
                null, null, 0, weight, shape.Outputs, pool);
        }
    }

    private Operand Weight(bool transposed) => new(weight, shape.Transposed ? shape.Inputs : shape.Outputs, transposed);
}
