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
/// The AdamW optimizer over one or several parameter stores, with clipping by the norm of all gradients together. Frozen parameters stay as they are, and have no moments.
/// </summary>
/// <remarks>Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); clipping as PyTorch's clip_grad_norm_.</remarks>
public sealed class AdamW : IDisposable
{
    private readonly AdamWOptions _options;
    private readonly StoreMoments[] _stores;

    /// <summary>An optimizer at step 0 for <paramref name="store"/>, whose gradients it allocates.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory: three times that of the weights that train.</exception>
    public AdamW(ParameterStore store, AdamWOptions options)
        : this([store], options)
    {
    }

    /// <summary>An optimizer at step 0 for all of <paramref name="stores"/>, whose gradients it allocates.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory: three times that of the weights that train.</exception>
    public AdamW(IReadOnlyList<ParameterStore> stores, AdamWOptions options)
    {
        ArgumentNullException.ThrowIfNull(stores);
        _options = options;
        foreach (ParameterStore store in stores)
        {
            store.AllocateGradients();
        }

        _stores = [.. stores.Where(store => store.GradientBufferLength > 0).Select(store => new StoreMoments(store))];
    }

    /// <summary>The steps done, which the moments' corrections depend on.</summary>
    public long Step { get; set; }

    /// <summary>The parameters that train, in the order of their stores.</summary>
    public IEnumerable<Parameter> Parameters => _stores.SelectMany(store => store.Parameters);

    /// <summary>The first moments of <paramref name="parameter"/>.</summary>
    /// <exception cref="ArgumentException">It does not train here.</exception>
    public Span<float> FirstMoment(Parameter parameter) => Owner(parameter).First(parameter);

    /// <summary>The second moments of <paramref name="parameter"/>.</summary>
    /// <exception cref="ArgumentException">It does not train here.</exception>
    public Span<float> SecondMoment(Parameter parameter) => Owner(parameter).Second(parameter);

    /// <summary>Goes on with a step whose first gradients come from elsewhere: see <see cref="ParameterStore.KeepGradients"/>.</summary>
    public void KeepGradients()
    {
        foreach (StoreMoments store in _stores)
        {
            store.KeepGradients();
        }
    }

    /// <summary>The Euclidean norm of all gradients together, infinite where its square exceeds float32. A parameter that no gradient reached counts as zero.</summary>
    public double GradientNorm(WorkerPool pool)
    {
        double sum = 0;
        foreach (StoreMoments store in _stores)
        {
            sum = store.AddSquares(sum, pool);
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
        foreach (StoreMoments store in _stores)
        {
            store.Update(factors, pool);
        }
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        foreach (StoreMoments store in _stores)
        {
            store.Dispose();
        }
    }

    private StoreMoments Owner(Parameter parameter) => Array.Find(_stores, store => store.Holds(parameter))
        ?? throw new ArgumentException($"Parameter '{parameter.Name}' does not train here, so it has no moments.", nameof(parameter));

    /// <summary>The moments of what trains in one store, laid out as its gradients are.</summary>
    private sealed unsafe class StoreMoments : IDisposable
    {
        private readonly ParameterStore _store;
        private readonly NativeBuffer _first;
        private readonly NativeBuffer _second;
        private readonly NativeBuffer _squares;
        private readonly NativeBuffer _parts;
        private readonly int _partCount;

        public StoreMoments(ParameterStore store)
        {
            _store = store;
            Parameters = [.. store.Trained];
            _first = new NativeBuffer(store.GradientBufferLength);
            _second = new NativeBuffer(store.GradientBufferLength);
            AdamWPart[] parts = [.. Parameters.SelectMany(p => AdamWPart.Of(p.Offset, p.GradientOffset, p.Tensor.Shape.ElementCount, p.IsMatrix))];
            _partCount = parts.Length;
            _parts = new NativeBuffer((long)_partCount * sizeof(AdamWPart) / sizeof(float));
            parts.CopyTo(new Span<AdamWPart>(_parts.Data, _partCount));
            _squares = new NativeBuffer(_partCount * (sizeof(double) / sizeof(float)));
        }

        // An array, because going over the store's list through its interface would allocate in each step.
        public Parameter[] Parameters { get; }

        public bool Holds(Parameter parameter) => Array.Exists(Parameters, held => ReferenceEquals(held, parameter));

        public Span<float> First(Parameter parameter) => new(_first.Data + parameter.GradientOffset, parameter.Tensor.Shape.ElementCount);

        public Span<float> Second(Parameter parameter) => new(_second.Data + parameter.GradientOffset, parameter.Tensor.Shape.ElementCount);

        public void KeepGradients() => _store.KeepGradients();

        public double AddSquares(double sum, WorkerPool pool)
        {
            foreach (Parameter parameter in Parameters)
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
            for (int part = 0; part < _partCount; part++)
            {
                sum += squares[part];
            }

            return sum;
        }

        public void Update(in AdamWFactors factors, WorkerPool pool) =>
            AdamWKernel.Update(_store.Weights, _store.Gradients, _first.Data, _second.Data, (AdamWPart*)_parts.Data, _partCount, factors, pool);

        public void Dispose()
        {
            _first.Dispose();
            _second.Dispose();
            _squares.Dispose();
            _parts.Dispose();
        }
    }
}
