using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors;

/// <summary>AdamW's constants; the learning rate comes with each step.</summary>
public sealed record AdamWOptions
{
    /// <summary>The first moment's decay rate.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The second moment's decay rate.</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The decay of matrices; biases and norms do not decay.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The norm that all gradients together are scaled down to; 0 for no clipping.</summary>
    public double GradientClip { get; init; } = 1;
}

/// <summary>
/// The AdamW optimizer over a parameter store, with clipping by the norm of all gradients together.
/// </summary>
/// <remarks>Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); clipping as PyTorch's clip_grad_norm_.</remarks>
public sealed unsafe class AdamW : IDisposable
{
    // An array, because going over the store's list through its interface would allocate in each step.
    private readonly Parameter[] _parameters;
    private readonly AdamWOptions _options;
    private readonly NativeBuffer _firstMoments;
    private readonly NativeBuffer _secondMoments;
    private readonly NativeBuffer _squares;

    /// <summary>An optimizer at step 0 for <paramref name="store"/>, whose gradients it allocates.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory: three times that of the weights.</exception>
    public AdamW(ParameterStore store, AdamWOptions options)
    {
        _parameters = [.. store.Parameters];
        _options = options;
        store.AllocateGradients();
        _firstMoments = new NativeBuffer(store.BufferLength);
        _secondMoments = new NativeBuffer(store.BufferLength);
        // Room for one double a chunk.
        _squares = new NativeBuffer(2L * _parameters.Max(p => Chunks.Count(p.Tensor.Shape.ElementCount)));
    }

    /// <summary>The steps done, which the moments' corrections depend on.</summary>
    public long Step { get; set; }

    /// <summary>The first moments of <paramref name="parameter"/>.</summary>
    public Span<float> FirstMoment(Parameter parameter) => new(_firstMoments.Data + parameter.Offset, parameter.Tensor.Shape.ElementCount);

    /// <summary>The second moments of <paramref name="parameter"/>.</summary>
    public Span<float> SecondMoment(Parameter parameter) => new(_secondMoments.Data + parameter.Offset, parameter.Tensor.Shape.ElementCount);

    /// <summary>The Euclidean norm of all gradients together, infinite where its square exceeds float32. A parameter that no gradient reached counts as zero.</summary>
    public double GradientNorm(WorkerPool pool)
    {
        double sum = 0;
        foreach (Parameter parameter in _parameters)
        {
            Tensor tensor = parameter.Tensor;
            if (!tensor.GradientWritten)
            {
                tensor.GradientWritten = true;
                tensor.Gradient.Clear();
            }

            double* squares = (double*)_squares.Data;
            AdamWKernel.SumSquares(tensor.GradientData, tensor.Shape.ElementCount, squares, pool);
            for (int chunk = 0; chunk < Chunks.Count(tensor.Shape.ElementCount); chunk++)
            {
                sum += squares[chunk];
            }
        }

        // Beyond float32 the second moments would become infinite, though every gradient is a number.
        return sum <= float.MaxValue ? Math.Sqrt(sum) : double.IsNaN(sum) ? sum : double.PositiveInfinity;
    }

    /// <summary>Clips and does one step, after <see cref="GradientNorm"/> has given <paramref name="gradientNorm"/>.</summary>
    public void Update(double learningRate, double gradientNorm, WorkerPool pool)
    {
        Step++;
        double clip = _options.GradientClip > 0 ? Math.Min(1, _options.GradientClip / (gradientNorm + 1e-6)) : 1;
        foreach (Parameter parameter in _parameters)
        {
            AdamWFactors factors = new()
            {
                ClipScale = (float)clip,
                Keep = (float)(1 - (parameter.IsMatrix ? learningRate * _options.WeightDecay : 0)),
                Beta1 = (float)_options.Beta1,
                Rest1 = (float)(1 - _options.Beta1),
                Beta2 = (float)_options.Beta2,
                Rest2 = (float)(1 - _options.Beta2),
                StepSize = (float)(learningRate / (1 - Math.Pow(_options.Beta1, Step))),
                SecondCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, Step))),
                Epsilon = (float)_options.Epsilon,
            };
            Tensor tensor = parameter.Tensor;
            AdamWKernel.Update(
                tensor.Data, tensor.GradientData, _firstMoments.Data + parameter.Offset, _secondMoments.Data + parameter.Offset,
                tensor.Shape.ElementCount, factors, pool);
        }
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        _firstMoments.Dispose();
        _secondMoments.Dispose();
        _squares.Dispose();
    }
}
