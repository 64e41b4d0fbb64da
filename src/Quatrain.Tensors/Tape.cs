using System.Runtime.InteropServices;
using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors;

/// <summary>
/// One step's computation: it owns the memory of what the ops make, records how to go back, and carries what ops depend on beside
/// their operands: the workers and the dropout stream. There is no other state.
/// </summary>
/// <remarks>
/// A step is <see cref="Begin"/>, ops, and for training <see cref="Backward"/>. A tape is used by one thread at a time; many tapes
/// can work on the same parameters as long as only one of them goes backward.
/// </remarks>
public sealed unsafe class Tape : IDisposable
{
    private readonly Arena _arena = new();
    private readonly List<Tensor> _tensors = [];
    private readonly List<Node> _nodes = [];
    private int _tensorCount;
    private int _nodeCount;
    private ulong _dropoutSeed;
    private ulong _dropoutOps;
    private bool _wentBack;

    /// <summary>A tape over <paramref name="pool"/>'s workers.</summary>
    /// <param name="pool">The workers; the tape does not own them.</param>
    /// <param name="recording">True to go backward later; false for evaluation and decoding, which keep nothing.</param>
    public Tape(WorkerPool pool, bool recording)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Pool = pool;
        Recording = recording;
    }

    /// <summary>Whether ops record how to go back. Dropout is active exactly on a recording tape.</summary>
    public bool Recording { get; }

    /// <summary>The workers.</summary>
    public WorkerPool Pool { get; }

    /// <summary>Where the time of each operation is added up, or null: nothing is measured.</summary>
    public OperationProfile? Profile { get; set; }

    /// <summary>What has been recorded since <see cref="Begin"/>, in the order it was.</summary>
    internal ReadOnlySpan<Node> Nodes => CollectionsMarshal.AsSpan(_nodes)[.._nodeCount];

    /// <summary>The operations recorded since <see cref="Begin"/>.</summary>
    public int RecordedOperations => _nodeCount;

    /// <summary>The tensors that ops have made since <see cref="Begin"/>; with <see cref="FreeSince"/>, a mark to come back to.</summary>
    public int TensorCount => _tensorCount;

    /// <summary>The bytes taken since <see cref="Begin"/>; memory that was given back and used again counts once.</summary>
    public long BytesUsed => _arena.Used * sizeof(float);

    /// <summary>
    /// The bytes of a tensor of <paramref name="elements"/> elements, alignment counted. <see cref="BytesUsed"/> grows by them, unless a tensor
    /// of just as many was given back.
    /// </summary>
    public static long BytesFor(long elements) => Arena.SizeOf(elements) * sizeof(float);

    /// <summary>For tests: memory given back is filled with NaN and not used again in the step.</summary>
    internal bool PoisonsWhatIsFreed
    {
        get => _arena.PoisonsWhatIsFreed;
        set => _arena.PoisonsWhatIsFreed = value;
    }

    /// <summary>Makes room for steps of up to <paramref name="bytes"/>, which otherwise grows in pieces during the first.</summary>
    /// <exception cref="InvalidOperationException">A step is under way; reserve before it or right after <see cref="Begin"/>.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses that much.</exception>
    public void Reserve(long bytes) => _arena.Reserve((bytes + sizeof(float) - 1) / sizeof(float));

    /// <summary>Begins a step: forgets the one before and takes its memory back.</summary>
    /// <param name="dropoutSeed">Decides, with each op's place in the step, which elements dropout keeps.</param>
    public void Begin(ulong dropoutSeed = 0)
    {
        _arena.Reset();
        _tensorCount = 0;
        _nodeCount = 0;
        _dropoutSeed = dropoutSeed;
        _dropoutOps = 0;
        _wentBack = false;
    }

    /// <summary>
    /// Goes back from <paramref name="loss"/> through everything recorded and leaves the gradients in the parameters. On the way the tape takes
    /// back the memory of what the ops made; only the loss can be read afterwards.
    /// </summary>
    /// <param name="loss">The scalar an op of this tape made.</param>
    /// <param name="scale">The gradient to start from: 1, or less where several batches make one step.</param>
    /// <exception cref="InvalidOperationException">
    /// The tape does not record, has gone back already in this step, or the loss is not a scalar that depends on a parameter.
    /// </exception>
    public void Backward(Tensor loss, float scale = 1)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (!Recording || !loss.RequiresGradient || loss.Shape.ElementCount != 1)
        {
            throw new InvalidOperationException("Backward starts from a scalar that a recording tape made out of parameters that want a gradient.");
        }

        if (_wentBack)
        {
            throw new InvalidOperationException("Backward has been called already in this step; Begin the next one first.");
        }

        _wentBack = true;
        *GradientOf(loss, out _) = scale;
        for (int i = _nodeCount - 1; i >= 0; i--)
        {
            Node node = _nodes[i];
            if (node.Output.GradientWritten)
            {
                node.Backward(this);
                Release(node.Output, keepElements: node.Output == loss);
            }
        }
    }

    /// <summary>
    /// Takes back the memory of all tensors made since there were <paramref name="tensorCount"/>, but for <paramref name="kept"/>: a model says so where it
    /// has no more use for them. On a recording tape the way back needs them, and nothing happens.
    /// </summary>
    public void FreeSince(int tensorCount, Tensor kept)
    {
        if (Recording)
        {
            return;
        }

        for (int i = tensorCount; i < _tensorCount; i++)
        {
            if (_tensors[i] != kept)
            {
                Release(_tensors[i], keepElements: false);
            }
        }
    }

    /// <summary>Frees the memory; tensors of this tape must not be used any more.</summary>
    public void Dispose() => _arena.Dispose();

    /// <summary>A tensor for the caller to fill with what was computed elsewhere. It wants no gradient.</summary>
    public Tensor Input(Shape shape) => NewTensor(shape, requiresGradient: false);

    /// <summary>A tensor in this tape's arena, its elements undefined.</summary>
    /// <exception cref="InvalidOperationException">The tape has gone back and taken back what the ops work on.</exception>
    internal Tensor NewTensor(Shape shape, bool requiresGradient)
    {
        if (_wentBack)
        {
            throw new InvalidOperationException("The tape has gone back in this step and taken its tensors' memory back; Begin the next step first.");
        }

        if (_tensorCount == _tensors.Count)
        {
            _tensors.Add(new Tensor());
        }

        Tensor tensor = _tensors[_tensorCount++];
        tensor.Shape = shape;
        tensor.RequiresGradient = Recording && requiresGradient;
        tensor.Data = _arena.Allocate(shape.ElementCount);
        tensor.GradientData = null;
        tensor.GradientWritten = false;
        return tensor;
    }

    /// <summary>Memory for an op's own use until it is freed or the next step begins; contents undefined.</summary>
    internal float* Allocate(long floats) => _arena.Allocate(floats);

    /// <summary>Takes back what <see cref="Allocate"/> gave for <paramref name="floats"/> floats, for the next tensor of that size.</summary>
    internal void Free(void* memory, long floats) => _arena.Free((float*)memory, floats);

    /// <summary>A copy of <paramref name="ids"/> in memory that <see cref="Allocate"/> gave.</summary>
    internal int* Copy(ReadOnlySpan<int> ids)
    {
        int* copy = (int*)_arena.Allocate(ids.Length);
        ids.CopyTo(new Span<int>(copy, ids.Length));
        return copy;
    }

    /// <summary>The node to fill in for an operation that made <paramref name="output"/>.</summary>
    internal TNode Record<TNode>(Tensor output)
        where TNode : Node, new()
    {
        if (_nodeCount == _nodes.Count)
        {
            _nodes.Add(new TNode());
        }
        else if (_nodes[_nodeCount].GetType() != typeof(TNode))
        {
            // Not a node of a derived kind either: it would go back its own way.
            _nodes[_nodeCount] = new TNode();
        }

        TNode node = (TNode)_nodes[_nodeCount++];
        node.Output = output;
        return node;
    }

    /// <summary>Measures a call until the result is disposed, where there is a profile. Rows and columns are those of what is worked on.</summary>
    /// <param name="name">What is done.</param>
    /// <param name="shape">What it is done on.</param>
    /// <param name="tensors">How many tensors of that shape are read and written.</param>
    internal OperationTimer Measure(string name, Shape shape, int tensors) =>
        Profile is null ? default : Profile.Start(new Operation(name, shape.Rows, shape.Last), 0, (double)tensors * sizeof(float) * shape.ElementCount);

    /// <summary>Measures a matrix product [M, K] [K, N] until the result is disposed, where there is a profile.</summary>
    internal OperationTimer MeasureProduct(string name, int m, int n, int k) =>
        Profile is null ? default : Profile.Start(new Operation(name, m, n, k), 2.0 * m * n * k, sizeof(float) * (((double)m * k) + ((double)k * n) + ((double)m * n)));

    /// <summary>A key for the next op's dropout mask, different for every op of every step.</summary>
    internal ulong NextDropoutKey() => RandomSource.Mix(_dropoutSeed, ++_dropoutOps);

    /// <summary>Where to write the gradient of <paramref name="tensor"/>; from now on it counts as written.</summary>
    /// <param name="tensor">A tensor that requires a gradient.</param>
    /// <param name="accumulate">False for the first contribution, which overwrites; true for the others, which add.</param>
    /// <exception cref="InvalidOperationException">
    /// The tensor is a parameter whose store has no gradients, or logits that their gradient has overwritten, so that no other use of them can go back.
    /// </exception>
    internal float* GradientOf(Tensor tensor, out bool accumulate)
    {
        if (tensor.GradientData is null)
        {
            // The arena's memory would be gone in the next step, and a parameter would still point there.
            if (tensor.IsParameter)
            {
                throw new InvalidOperationException("A parameter wants a gradient and its store has no room for it: call AllocateGradients.");
            }

            tensor.GradientData = _arena.Allocate(tensor.Shape.ElementCount);
        }

        if (tensor.ReplacedByGradient)
        {
            throw new InvalidOperationException("CrossEntropyOp: the logits have another use that wants a gradient; the loss must be the only one.");
        }

        accumulate = tensor.GradientWritten;
        tensor.GradientWritten = true;
        return tensor.GradientData;
    }

    /// <summary>
    /// Adds the gradient of <paramref name="from"/> to that of <paramref name="to"/>, which has its shape. A first contribution takes over
    /// the memory, so the caller must be the node that made <paramref name="from"/> and must have no more use for its gradient.
    /// </summary>
    internal void PassOn(Tensor from, Tensor to)
    {
        if (to.GradientData is null && !to.IsParameter)
        {
            to.GradientData = from.GradientData;
            to.GradientWritten = true;
            if (from.ReplacedByGradient)
            {
                from.Data = null;
            }

            from.GradientData = null;
            return;
        }

        float* grad = GradientOf(to, out bool accumulate);
        ElementwiseKernel.DropoutAdd(from.GradientData, Dropout.None, accumulate ? grad : null, to.Shape.ElementCount, grad, Pool);
    }

    // After the node that made it, nothing reads a tensor any more: what else did was recorded later and has gone back before.
    private void Release(Tensor tensor, bool keepElements)
    {
        int count = tensor.Shape.ElementCount;
        if (tensor.GradientData is not null && !tensor.ReplacedByGradient)
        {
            _arena.Free(tensor.GradientData, count);
        }

        if (tensor.Data is not null && !keepElements)
        {
            _arena.Free(tensor.Data, count);
            tensor.Data = null;
        }

        tensor.GradientData = null;
        tensor.GradientWritten = false;
    }
}
