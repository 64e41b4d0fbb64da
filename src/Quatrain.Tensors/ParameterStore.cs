using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors;

/// <summary>A named tensor of a model's weights.</summary>
/// <param name="Name">The published name, for example h.0.attn.c_attn.weight.</param>
/// <param name="Tensor">The weights, and the gradient once the store has room for gradients.</param>
/// <param name="Offset">Where the tensor begins in the store's flat buffers, in floats.</param>
public sealed record Parameter(string Name, Tensor Tensor, long Offset)
{
    /// <summary>Whether weight decay applies: to matrices, and not to biases and norms.</summary>
    public bool IsMatrix => Tensor.Shape.Rank >= 2;

    /// <summary>Where the gradient and the moments begin in their flat buffers, in floats; -1 where there are none.</summary>
    internal long GradientOffset { get; set; } = -1;
}

/// <summary>
/// All weights of a model in one buffer, with another for their gradients: clipping, updating and saving go over them in one pass.
/// </summary>
/// <remarks>
/// Tensors begin on cache lines; the gaps between them are zero and stay so. A tied weight is in the store once. A frozen parameter has a weight and nothing else.
/// </remarks>
public sealed unsafe class ParameterStore : IDisposable
{
    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<string, Parameter> _byName = new(StringComparer.Ordinal);
    private NativeBuffer? _weights;
    private NativeBuffer? _gradients;
    private readonly List<IDisposable> _attached = [];

    /// <summary>The parameters in the order they were added.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>The number of weights, gaps not counted.</summary>
    public long ElementCount { get; private set; }

    /// <summary>The length of the flat buffers in floats, gaps counted.</summary>
    public long BufferLength { get; private set; }

    /// <summary>The parameters that have gradients, once <see cref="AllocateGradients"/> has been called.</summary>
    public IEnumerable<Parameter> Trained => _parameters.Where(parameter => parameter.GradientOffset >= 0);

    /// <summary>The length of the buffers of gradients and moments in floats, gaps counted; 0 before <see cref="AllocateGradients"/>.</summary>
    public long GradientBufferLength { get; private set; }

    /// <summary>The length that the buffers of gradients and of each moment have or will have, in floats, gaps counted: that of what is not frozen.</summary>
    public long TrainedLength => _parameters.Where(parameter => parameter.Tensor.RequiresGradient).Sum(parameter => Aligned(parameter.Tensor.Shape));

    internal float* Weights => (_weights ?? throw new InvalidOperationException(IsReadOnly
        ? "The weights are held for inference only; load the model for training to change them."
        : "The store has no memory yet: call Allocate.")).Data;

    internal float* Gradients => (_gradients ?? throw new InvalidOperationException("The store has no gradients: call AllocateGradients.")).Data;

    /// <summary>Adds a parameter. Its tensor has no memory before <see cref="Allocate"/>.</summary>
    /// <exception cref="InvalidOperationException">The store has its memory already, or knows the name.</exception>
    public Tensor Add(string name, Shape shape)
    {
        if (_weights is not null || _byName.ContainsKey(name))
        {
            throw new InvalidOperationException($"Parameter '{name}' can't be added: names are unique and all are added before Allocate.");
        }

        Parameter parameter = new(name, new Tensor { Shape = shape, RequiresGradient = true, IsParameter = true }, BufferLength);
        _parameters.Add(parameter);
        _byName.Add(name, parameter);
        ElementCount += shape.ElementCount;
        BufferLength += Aligned(shape);
        return parameter.Tensor;
    }

    /// <summary>The parameter of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Parameter this[string name] => _byName[name];

    /// <summary>Whether weights were attached: the store serves inference only.</summary>
    public bool IsReadOnly { get; private set; }

    /// <summary>The bytes of attached weights that are not mapped but in memory of their own.</summary>
    public long AttachedBytes { get; private set; }

    /// <summary>
    /// Lets a parameter lie in <paramref name="memory"/>, in whatever format, instead of the store's own. Such a store serves inference only. It takes the memory over
    /// and disposes it.
    /// </summary>
    /// <param name="name">The parameter.</param>
    /// <param name="memory">Its elements.</param>
    /// <param name="transposed">Whether a matrix [K, N] lies in it as [N, K].</param>
    /// <exception cref="InvalidOperationException">The store has memory of its own.</exception>
    /// <exception cref="ArgumentException">The sizes don't fit, or int8 blocks don't lie along the terms of the sums.</exception>
    public void Attach(string name, WeightMemory memory, bool transposed)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Tensor tensor = this[name].Tensor;
        if (_weights is not null)
        {
            throw new InvalidOperationException("The store has memory of its own already; attach weights instead of calling Allocate.");
        }

        (int rows, int columns) = tensor.Shape.Rank == 1 ? (1, tensor.Shape.Last) : (tensor.Shape.Rows, tensor.Shape.Last);
        if ((transposed ? (columns, rows) : (rows, columns)) != (memory.Rows, memory.Columns))
        {
            throw new ArgumentException($"Parameter '{name}' of {tensor.Shape} can't lie in memory of {memory.Rows} rows of {memory.Columns}.", nameof(memory));
        }

        IsReadOnly = true;
        tensor.Storage = memory.Data;
        tensor.Format = memory.Format;
        tensor.LiesTransposed = transposed;
        tensor.IsReadOnly = true;
        _attached.Add(memory);
        AttachedBytes += memory.OwnBytes;
    }

    /// <summary>Disposes <paramref name="resource"/>, for instance the file that attached weights are mapped from, with the store.</summary>
    public void Own(IDisposable resource) => _attached.Add(resource);

    /// <summary>Makes the memory for the weights, all zero.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses that much.</exception>
    /// <exception cref="InvalidOperationException">Weights were attached.</exception>
    public void Allocate()
    {
        RequireTrainable();
        _weights ??= new NativeBuffer(BufferLength);
        foreach (Parameter parameter in _parameters)
        {
            parameter.Tensor.Data = _weights.Data + parameter.Offset;
        }
    }

    /// <summary>Freezes the parameters that <paramref name="isFrozen"/> names, and no others: they get no gradients, and no update.</summary>
    /// <exception cref="InvalidOperationException">The store has room for gradients already, which decides what can train.</exception>
    public void Freeze(Func<Parameter, bool> isFrozen)
    {
        ArgumentNullException.ThrowIfNull(isFrozen);
        if (_gradients is not null)
        {
            throw new InvalidOperationException("The store has its gradients already; freeze parameters before AllocateGradients.");
        }

        foreach (Parameter parameter in _parameters)
        {
            parameter.Tensor.RequiresGradient = !isFrozen(parameter);
        }
    }

    /// <summary>Makes the memory for the gradients of all parameters that are not frozen: as much again as their weights take.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses that much.</exception>
    public void AllocateGradients()
    {
        if (_gradients is not null)
        {
            return;
        }

        Parameter[] trained = [.. _parameters.Where(parameter => parameter.Tensor.RequiresGradient)];
        if (trained.Length > 0)
        {
            RequireTrainable();
        }

        GradientBufferLength = TrainedLength;
        _gradients = new NativeBuffer(GradientBufferLength);
        long offset = 0;
        foreach (Parameter parameter in trained)
        {
            parameter.GradientOffset = offset;
            parameter.Tensor.GradientData = _gradients.Data + offset;
            offset += Aligned(parameter.Tensor.Shape);
        }
    }

    /// <summary>Begins a step: the next contribution to each gradient overwrites what the step before left.</summary>
    public void ForgetGradients()
    {
        foreach (Parameter parameter in _parameters)
        {
            parameter.Tensor.GradientWritten = false;
        }
    }

    /// <summary>
    /// Goes on with a step whose first gradients come from elsewhere, such as a file: contributions are added to what each <see cref="Tensor.Gradient"/> then
    /// holds. Needs <see cref="AllocateGradients"/> before.
    /// </summary>
    public void KeepGradients()
    {
        foreach (Parameter parameter in Trained)
        {
            parameter.Tensor.GradientWritten = true;
        }
    }

    /// <summary>Frees the memory; tensors of this store must not be used any more.</summary>
    public void Dispose()
    {
        _weights?.Dispose();
        _gradients?.Dispose();
        foreach (IDisposable attached in _attached)
        {
            attached.Dispose();
        }

        _attached.Clear();
    }

    private static long Aligned(Shape shape) =>
        (shape.ElementCount + NativeBuffer.AlignmentFloats - 1L) / NativeBuffer.AlignmentFloats * NativeBuffer.AlignmentFloats;

    private void RequireTrainable()
    {
        if (IsReadOnly)
        {
            throw new InvalidOperationException("The weights are held for inference only; load the model for training to change them.");
        }
    }
}
