using Quatrain.Models.Adapters;
using Quatrain.Models.Layers;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Gpt2;

// GPT-2 from its smallest part to the whole. In the shapes below, B is the batch size (sequences side by side), T the number of
// tokens of each, C the width of a token's vector, H the number of heads and V the size of the vocabulary.
// Source: Radford et al., "Language models are unsupervised multitask learners" (2019). Parameters have the names of the published weights.

/// <summary>
/// Lets each token gather what it needs from the tokens before it.
/// </summary>
/// <remarks>
/// Every token makes a query (what it looks for), a key (what it offers) and a value (what it passes on). Each of H heads does so with its
/// own C / H of the width: a token's result is the average of the values up to and including its own, weighted by how well its query matches
/// their keys.
/// </remarks>
public sealed class CausalSelfAttention
{
    private readonly Linear _queryKeyValue;
    private readonly Linear _projection;
    private readonly Gpt2Config _config;

    internal CausalSelfAttention(ParameterStore parameters, string name, Gpt2Config config)
    {
        _config = config;
        _queryKeyValue = new Linear(parameters, $"{name}.c_attn", config.EmbeddingSize, 3 * config.EmbeddingSize, config.Bias);
        _projection = new Linear(parameters, $"{name}.c_proj", config.EmbeddingSize, config.EmbeddingSize, config.Bias);
    }

    internal IEnumerable<Linear> LinearLayers => [_queryKeyValue, _projection];

    /// <summary>What each token of x [B, T, C] gathers, to the same shape.</summary>
    public Tensor Gather(Tape tape, Tensor x, ReadOnlySpan<AttentionCache> caches)
    {
        Tensor queriesKeysValues = _queryKeyValue.Forward(tape, x); // [B, T, 3C]
        return CausalAttentionOp.Forward(tape, queriesKeysValues, _config.HeadCount, _config.AttentionDropout, caches); // [B, T, C]
    }

    /// <summary>residual + what was gathered, projected; all [B, T, C].</summary>
    public Tensor ProjectInto(Tape tape, Tensor residual, Tensor gathered) => _projection.ForwardInto(tape, residual, gathered, _config.ResidualDropout);
}

/// <summary>Lets each token work on what it has gathered: up to four times the width, through a bend, and back.</summary>
public sealed class FeedForward
{
    private readonly Linear _up;
    private readonly Linear _down;
    private readonly Gpt2Config _config;

    internal FeedForward(ParameterStore parameters, string name, Gpt2Config config)
    {
        _config = config;
        _up = new Linear(parameters, $"{name}.c_fc", config.EmbeddingSize, 4 * config.EmbeddingSize, config.Bias);
        _down = new Linear(parameters, $"{name}.c_proj", 4 * config.EmbeddingSize, config.EmbeddingSize, config.Bias);
    }

    internal IEnumerable<Linear> LinearLayers => [_up, _down];

    /// <summary>residual + feed-forward(x), all [B, T, C].</summary>
    public Tensor ForwardInto(Tape tape, Tensor residual, Tensor x)
    {
        Tensor hidden = _up.ForwardActivated(tape, x, _config.Activation); // [B, T, 4C]
        return _down.ForwardInto(tape, residual, hidden, _config.ResidualDropout);
    }
}

/// <summary>
/// Attention, then feed-forward. Each reads a normalized copy of the residual stream and adds to the stream itself ("pre-norm"), so that
/// gradients have a straight way through any number of blocks.
/// </summary>
public sealed class TransformerBlock
{
    private readonly LayerNorm _attentionNorm;
    private readonly CausalSelfAttention _attention;
    private readonly LayerNorm _feedForwardNorm;
    private readonly FeedForward _feedForward;

    internal TransformerBlock(ParameterStore parameters, string name, Gpt2Config config)
    {
        _attentionNorm = new LayerNorm(parameters, $"{name}.ln_1", config.EmbeddingSize, config.LayerNormEpsilon, config.Bias);
        _attention = new CausalSelfAttention(parameters, $"{name}.attn", config);
        _feedForwardNorm = new LayerNorm(parameters, $"{name}.ln_2", config.EmbeddingSize, config.LayerNormEpsilon, config.Bias);
        _feedForward = new FeedForward(parameters, $"{name}.mlp", config);
    }

    internal IEnumerable<Linear> LinearLayers => [.. _attention.LinearLayers, .. _feedForward.LinearLayers];

    /// <summary>x [B, T, C] to the same shape; or, where only some rows of the result are wanted, to [rows, 1, C], the other rows ending with what they offer these.</summary>
    public Tensor Forward(Tape tape, Tensor x, ReadOnlySpan<AttentionCache> caches, ReadOnlySpan<int> rows = default)
    {
        Tensor gathered = _attention.Gather(tape, _attentionNorm.Forward(tape, x), caches);
        if (!rows.IsEmpty)
        {
            (x, gathered) = (SelectRowsOp.Forward(tape, x, rows), SelectRowsOp.Forward(tape, gathered, rows));
        }

        x = _attention.ProjectInto(tape, x, gathered);
        return _feedForward.ForwardInto(tape, x, _feedForwardNorm.Forward(tape, x));
    }
}

/// <summary>
/// The whole: token and position embeddings, a stack of transformer blocks, a last norm, and a head that scores every token of the vocabulary.
/// </summary>
/// <remarks>
/// The same class trains, evaluates and decodes. Its weights begin as zeros: fill them by <see cref="Gpt2Initialization"/> or from a checkpoint.
/// Any number of tapes may run it forward at the same time.
/// </remarks>
public sealed class Gpt2Model : ILanguageModel
{
    private readonly Tensor _tokenEmbedding;
    private readonly Tensor _positionEmbedding;
    private readonly TransformerBlock[] _blocks;
    private readonly LayerNorm _finalNorm;
    private readonly Tensor _head;

    /// <summary>A model of the sizes of <paramref name="config"/>.</summary>
    /// <exception cref="InvalidDataException">The config is impossible.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for its weights.</exception>
    public Gpt2Model(Gpt2Config config)
        : this(config, allocate: true)
    {
    }

    /// <summary>A model that, unless <paramref name="allocate"/> says otherwise, only knows the names and shapes of its weights.</summary>
    internal Gpt2Model(Gpt2Config config, bool allocate)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        Parameters = new ParameterStore();
        _tokenEmbedding = Parameters.Add("wte.weight", new Shape(config.VocabularySize, config.EmbeddingSize));
        _positionEmbedding = Parameters.Add("wpe.weight", new Shape(config.ContextLength, config.EmbeddingSize));
        _blocks = new TransformerBlock[config.LayerCount];
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            _blocks[layer] = new TransformerBlock(Parameters, $"h.{layer}", config);
        }

        _finalNorm = new LayerNorm(Parameters, "ln_f", config.EmbeddingSize, config.LayerNormEpsilon, config.Bias);
        _head = config.TieEmbeddings ? _tokenEmbedding : Parameters.Add("lm_head.weight", _tokenEmbedding.Shape);
        if (allocate)
        {
            Parameters.Allocate();
        }
    }

    /// <summary>The sizes and options.</summary>
    public Gpt2Config Config { get; }

    /// <inheritdoc/>
    public ParameterStore Parameters { get; }

    /// <summary>The linear layers of the blocks, which can have adapters.</summary>
    public IReadOnlyList<Linear> LinearLayers => [.. _blocks.SelectMany(block => block.LinearLayers)];

    /// <summary>The adapters in effect, or null.</summary>
    public LoraAdapters? Adapters { get; internal set; }

    /// <inheritdoc/>
    public int VocabularySize => Config.VocabularySize;

    /// <inheritdoc/>
    public int ContextLength => Config.ContextLength;

    /// <inheritdoc/>
    public Tensor Forward(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null) =>
        Logits(tape, Hidden(tape, tokens, batchSize, cache));

    /// <inheritdoc/>
    public Tensor ForwardLast(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        int length = tokens.Length / batchSize;
        if (length == 1)
        {
            return Forward(tape, tokens, batchSize, cache);
        }

        Span<int> last = batchSize <= 64 ? stackalloc int[batchSize] : new int[batchSize];
        for (int sequence = 0; sequence < batchSize; sequence++)
        {
            last[sequence] = (sequence + 1) * length - 1;
        }

        return Logits(tape, Hidden(tape, tokens, batchSize, cache, last));
    }

    /// <inheritdoc/>
    public void Read(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache cache)
    {
        ArgumentNullException.ThrowIfNull(cache);
        Hidden(tape, tokens, batchSize, cache);
    }

    /// <summary>What the blocks make of the tokens, before the head: [B, T, C], or [rows, 1, C] where only some are wanted.</summary>
    /// <inheritdoc cref="RunBlocks(Tape, Tensor, int, KvCache, ReadOnlySpan{int}, int?)" path="/param[@name='rows']"/>
    /// <inheritdoc cref="Forward" path="/param"/>
    public Tensor Hidden(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null, ReadOnlySpan<int> rows = default)
    {
        int before = tape.TensorCount;
        return Normalize(tape, RunBlocks(tape, before, Embed(tape, tokens, batchSize, cache), 0, _blocks.Length, cache, rows));
    }

    /// <summary>What goes into the first block: the tokens' embeddings and those of their positions, [B, T, C].</summary>
    /// <inheritdoc cref="Forward" path="/param"/>
    public Tensor Embed(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null)
    {
        Tensor x = EmbeddingOp.Forward(tape, tokens, batchSize, _tokenEmbedding, _positionEmbedding, cache is null ? default : cache.Lengths);
        return DropoutOp.Forward(tape, x, Config.EmbeddingDropout);
    }

    /// <summary>What blocks <paramref name="first"/> to <paramref name="end"/>, which is left out, make of x [B, T, C]: the same shape, or [rows, 1, C].</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">What <see cref="Embed"/> or the block before <paramref name="first"/> gave.</param>
    /// <param name="first">The first block; with <paramref name="end"/> it may be the number of blocks, where nothing is left to do but to select rows.</param>
    /// <param name="cache">What came before the tokens of each sequence; they are added to it. Only on a tape that does not record.</param>
    /// <param name="rows">
    /// The rows of the result that are wanted, ascending: position t of sequence b is row b T + t. The last block works for these alone, with the same bits. None for all.
    /// </param>
    /// <param name="end">The block to stop before, or null for the last one's end.</param>
    public Tensor RunBlocks(Tape tape, Tensor x, int first, KvCache? cache = null, ReadOnlySpan<int> rows = default, int? end = null)
    {
        int stop = end ?? _blocks.Length;
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stop, _blocks.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, stop);
        return RunBlocks(tape, tape.TensorCount, x, first, stop, cache, rows);
    }

    /// <summary>The last norm: x [..., C] to the same shape, which is what the head reads.</summary>
    public Tensor Normalize(Tape tape, Tensor x) => _finalNorm.Forward(tape, x);

    /// <summary>The stages that tokens go through after their embedding: the blocks, then the last norm.</summary>
    public int StageCount => _blocks.Length + 1;

    /// <summary>What the first <paramref name="stages"/> of <see cref="StageCount"/> make of the tokens: [B, T, C].</summary>
    /// <inheritdoc cref="Forward" path="/param"/>
    public Tensor RunTo(Tape tape, ReadOnlySpan<int> tokens, int batchSize, int stages)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(stages);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stages, StageCount);
        int before = tape.TensorCount;
        Tensor x = RunBlocks(tape, before, Embed(tape, tokens, batchSize), 0, Math.Min(stages, _blocks.Length), null, default);
        return stages == StageCount ? Normalize(tape, x) : x;
    }

    /// <summary>What the other stages make of what <see cref="RunTo"/> gave for the first <paramref name="stages"/>: as <see cref="Hidden"/>.</summary>
    /// <inheritdoc cref="RunBlocks(Tape, Tensor, int, KvCache, ReadOnlySpan{int}, int?)" path="/param[@name='rows']"/>
    public Tensor RunFrom(Tape tape, Tensor x, int stages, ReadOnlySpan<int> rows = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stages, StageCount);
        return stages < StageCount ? Normalize(tape, RunBlocks(tape, x, stages, null, rows))
            : rows.IsEmpty ? x
            : SelectRowsOp.Forward(tape, x, rows);
    }

    /// <summary>hidden [B, T, C] times the head's rows, one for each token of the vocabulary: [B, T, V].</summary>
    public Tensor Logits(Tape tape, Tensor hidden) => LinearOp.ForwardTransposed(tape, hidden, _head);

    /// <inheritdoc/>
    public KvCache NewCache(int batchSize, int capacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, Config.ContextLength);
        return new KvCache(Enumerable.Range(0, batchSize).Select(_ => NewSequence(capacity == 0 ? Config.ContextLength : capacity)));
    }

    /// <inheritdoc/>
    public KvSequence NewSequence(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        return new KvSequence(Config.LayerCount, Math.Min(capacity, Config.ContextLength), Config.HeadCount, Config.EmbeddingSize / Config.HeadCount);
    }

    /// <summary>
    /// A model for inference that computes with this one's weights, held in another format; vectors and the position embedding stay float32. It shares no memory
    /// with this one.
    /// </summary>
    /// <param name="format">What the matrices are to be.</param>
    /// <param name="pool">Converts them.</param>
    /// <exception cref="InvalidDataException">A weight is too large for the format.</exception>
    /// <exception cref="InvalidOperationException">The weights of this model are not float32 in memory of its own: it was mapped from a file.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public Gpt2Model WithWeights(WeightFormat format, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        return Parameters.IsReadOnly
            ? throw new InvalidOperationException("The weights are mapped from a file; map the file once more in the other format.")
            : Gpt2Mapping.Convert(this, format, pool);
    }

    /// <inheritdoc/>
    public long DecodingStateBytes(int batchSize, int length, int chunk) =>
        Gpt2Memory.DecodingStateBytes(Config, batchSize, length, chunk) + (Adapters?.DecodingBytes(Math.Max(batchSize, Math.Min(chunk, length))) ?? 0);

    /// <inheritdoc/>
    public long TrainingActivationBytes(int batchSize, int sequenceLength) =>
        Gpt2Memory.TrainingActivationBytes(Config, batchSize, sequenceLength) + (Adapters?.TrainingBytes(batchSize * sequenceLength, batchSize * sequenceLength) ?? 0);

    /// <summary>The most bytes that a recording tape takes for forward, loss and backward of <paramref name="batchSize"/> sequences, adapters counted, where <paramref name="part"/> is trained.</summary>
    /// <inheritdoc cref="Gpt2Memory.TrainingActivationBytes(Gpt2Config, int, int, in Gpt2Part)"/>
    public long TrainingActivationBytes(int batchSize, int sequenceLength, in Gpt2Part part) =>
        Gpt2Memory.TrainingActivationBytes(Config, batchSize, sequenceLength, part)
        + (Adapters?.TrainingBytes(batchSize * sequenceLength, part.Rows ?? batchSize * sequenceLength) ?? 0);

    /// <summary>The most bytes that a tape without a way back takes for what the head of <paramref name="part"/> says of <paramref name="batchSize"/> sequences, adapters counted.</summary>
    /// <inheritdoc cref="Gpt2Memory.EvaluationActivationBytes(Gpt2Config, int, int, in Gpt2Part)"/>
    public long EvaluationActivationBytes(int batchSize, int sequenceLength, in Gpt2Part part) =>
        Gpt2Memory.EvaluationActivationBytes(Config, batchSize, sequenceLength, part) + (Adapters?.DecodingBytes(batchSize * sequenceLength) ?? 0);

    /// <summary>Frees the weights.</summary>
    public void Dispose() => Parameters.Dispose();

    private Tensor RunBlocks(Tape tape, int before, Tensor x, int first, int stop, KvCache? cache, ReadOnlySpan<int> rows)
    {
        if (first == stop)
        {
            return rows.IsEmpty ? x : SelectRowsOp.Forward(tape, x, rows);
        }

        for (int layer = first; layer < stop; layer++)
        {
            x = _blocks[layer].Forward(tape, x, cache is null ? default : cache.Layer(layer), layer == stop - 1 ? rows : default);
            tape.FreeSince(before, kept: x);
        }

        return x;
    }
}
