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
    private readonly NativeBuffer _parts;
    private readonly int _partCount;
    private readonly ParameterStore _store;

    /// <summary>An optimizer at step 0 for <paramref name="store"/>, whose gradients it allocates.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory: three times that of the weights.</exception>
    public AdamW(ParameterStore store, AdamWOptions options)
    {
        _parameters = [.. store.Parameters];
        _options = options;
        _store = store;
        store.AllocateGradients();
        _firstMoments = new NativeBuffer(store.BufferLength);
        _secondMoments = new NativeBuffer(store.BufferLength);
        AdamWPart[] parts = [.. _parameters.SelectMany(p => AdamWPart.Of(p.Offset, p.Tensor.Shape.ElementCount, p.IsMatrix))];
        _partCount = parts.Length;
        _parts = new NativeBuffer((long)_partCount * sizeof(AdamWPart) / sizeof(float));
        parts.CopyTo(new Span<AdamWPart>(_parts.Data, _partCount));
        _squares = new NativeBuffer(_partCount * (sizeof(double) / sizeof(float)));
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
        foreach (Parameter parameter in _parameters)
        {
            Tensor tensor = parameter.Tensor;
            if (!tensor.GradientWritten)
            {
                tensor.GradientWritten = true;
                tensor.Gradient.Clear();
            }
        }

        double* squares = (double*)_squares.Data;
        AdamWKernel.SumSquares(_store.Gradients, (AdamWPart*)_parts.Data, _partCount, squares, pool);
        double sum = 0;
        for (int part = 0; part < _partCount; part++)
        {
            sum += squares[part];
        }

        // Beyond float32 the second moments would become infinite, though every gradient is a number.
        return sum <= float.MaxValue ? Math.Sqrt(sum) : double.IsNaN(sum) ? sum : double.PositiveInfinity;
    }

    /// <summary>Clips and does one step, after <see cref="GradientNorm"/> has given <paramref name="gradientNorm"/>.</summary>
    public void Update(double learningRate, double gradientNorm, WorkerPool pool)
    {
        Step++;
        double clip = _options.GradientClip > 0 ? Math.Min(1, _options.GradientClip / (gradientNorm + 1e-6)) : 1;
        AdamWFactors factors = new()
        {
            ClipScale = (float)clip,
            Keep = (float)(1 - learningRate * _options.WeightDecay),
            Beta1 = (float)_options.Beta1,
            Rest1 = (float)(1 - _options.Beta1),
            Beta2 = (float)_options.Beta2,
            Rest2 = (float)(1 - _options.Beta2),
            StepSize = (float)(learningRate / (1 - Math.Pow(_options.Beta1, Step))),
            SecondCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, Step))),
            Epsilon = (float)_options.Epsilon,
        };
        AdamWKernel.Update(
            _store.Weights, _store.Gradients, _firstMoments.Data, _secondMoments.Data, (AdamWPart*)_parts.Data, _partCount, factors, pool);
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        _firstMoments.Dispose();
        _secondMoments.Dispose();
        _squares.Dispose();
        _parts.Dispose();
    }
}
