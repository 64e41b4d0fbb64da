using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2;

/// <summary>What a GPT-2 needs in memory, in bytes, worked out from its configuration before anything is allocated.</summary>
/// <remarks>
/// Exact for weights, gradients, moments, caches and what a step's tape hands out, alignment counted. Not counted: some megabytes a thread
/// in which matrix products lie packed, and the runtime itself. A tape's memory grows in blocks in its first step, in which it can hold
/// half as much again.
/// </remarks>
public static class Gpt2Memory
{
    /// <summary>Names and shapes of all weights in their order, for instance to list them without a model's memory.</summary>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    public static IReadOnlyList<(string Name, Shape Shape)> Parameters(Gpt2Config config) =>
        [.. Store(config).Parameters.Select(parameter => (parameter.Name, parameter.Tensor.Shape))];

    /// <summary>The weights.</summary>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    public static long WeightBytes(Gpt2Config config) => Store(config).BufferLength * sizeof(float);

    /// <summary>The gradients of all weights.</summary>
    /// <inheritdoc cref="WeightBytes" path="/exception"/>
    public static long GradientBytes(Gpt2Config config) => WeightBytes(config);

    /// <summary>AdamW's two moments of each weight.</summary>
    /// <inheritdoc cref="WeightBytes" path="/exception"/>
    public static long OptimizerBytes(Gpt2Config config) => 2 * WeightBytes(config);

    /// <summary>
    /// What the tape holds after forward, loss and backward of one batch: the ops' outputs, what they keep for the way back, and the
    /// gradients of their outputs. All weights are trained.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="sequenceLength">T, at most the context.</param>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or B T exceeds 2^31 - 1 or T the context.</exception>
    public static long TrainingActivationBytes(Gpt2Config config, int batchSize, int sequenceLength)
    {
        Widths w = new(config, batchSize, sequenceLength);
        bool dropout = config.ResidualDropout > 0, embeddingDropout = config.EmbeddingDropout > 0;
        // A branch with dropout keeps its result, the thinned result and their sum; without, all is one pass.
        long branch = dropout ? 3 * w.Narrow : w.Narrow;
        long attentionLogSums = Tape.BytesFor((long)w.Rows * config.HeadCount);
        long block = (2 * w.Norm) + w.QueriesKeysValues + w.Narrow + attentionLogSums + (2 * w.Wide) + (2 * branch);
        long loss = Tape.BytesFor(1) + (3 * w.PerRow);
        long forward = w.Embedding + (embeddingDropout ? w.Narrow : 0) + (config.LayerCount * block) + w.Norm + w.Logits + loss;

        // The gradient of the residual stream exists once: each block hands it on in place. So do the logits with theirs.
        long normWorkspace = Tape.BytesFor(LayerNormOp.BackwardWorkspace(w.Rows, config.EmbeddingSize));
        long branchGradients = dropout ? 2 * w.Narrow : 0;
        long blockGradients = w.QueriesKeysValues + (3 * w.Narrow) + (2 * w.Wide) + (2 * branchGradients) + (2 * normWorkspace);
        long ends = Tape.BytesFor(1) + (2 * w.Narrow) + normWorkspace + (embeddingDropout ? w.Narrow : 0);
        return forward + (config.LayerCount * blockGradients) + ends;
    }

    /// <summary>Everything that training holds: weights, gradients, moments and activations.</summary>
    /// <inheritdoc cref="TrainingActivationBytes"/>
    public static long TrainingBytes(Gpt2Config config, int batchSize, int sequenceLength) =>
        WeightBytes(config) + GradientBytes(config) + OptimizerBytes(config) + TrainingActivationBytes(config, batchSize, sequenceLength);

    /// <summary>Checks that a model can be trained in <paramref name="availableBytes"/> of memory.</summary>
    /// <exception cref="InvalidDataException">It can't; the message has what it needs and what there is.</exception>
    /// <inheritdoc cref="TrainingActivationBytes" path="/param"/>
    public static void CheckTrainingFits(Gpt2Config config, int batchSize, int sequenceLength, long availableBytes)
    {
        long needed = TrainingBytes(config, batchSize, sequenceLength);
        if (needed > availableBytes)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"Training this model on {batchSize} x {sequenceLength} tokens needs {needed / 1048576.0:N0} MB of memory, and {availableBytes / 1048576.0:N0} MB are available; choose a smaller model, batch or context."));
        }
    }

    /// <summary>
    /// The keys and values of all layers for <paramref name="contextLength"/> tokens of each of <paramref name="batchSize"/>
    /// sequences.
    /// </summary>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the context is longer than the model's.</exception>
    public static long KvCacheBytes(Gpt2Config config, int batchSize, int contextLength)
    {
        Widths w = new(config, batchSize, contextLength);
        return 2L * config.LayerCount * w.Rows * config.EmbeddingSize * sizeof(float);
    }

    /// <summary>
    /// What the tape holds after one pass over <paramref name="sequenceLength"/> tokens for the logits of the last, without a way
    /// back.
    /// </summary>
    /// <inheritdoc cref="TrainingActivationBytes" path="/param"/>
    /// <inheritdoc cref="TrainingActivationBytes" path="/exception"/>
    public static long DecodingActivationBytes(Gpt2Config config, int batchSize, int sequenceLength)
    {
        Widths w = new(config, batchSize, sequenceLength);
        long block = (2 * w.Norm) + w.QueriesKeysValues + (3 * w.Narrow) + (2 * w.Wide);
        long last = Tape.BytesFor((long)batchSize * config.EmbeddingSize) + Tape.BytesFor((long)batchSize * config.VocabularySize);
        return w.Embedding + (config.LayerCount * block) + w.Norm + last;
    }

    /// <summary>
    /// Everything that decoding holds for a context of that length: weights, the cache, and one pass over the whole context as
    /// its prompt.
    /// </summary>
    /// <inheritdoc cref="KvCacheBytes" path="/exception"/>
    public static long DecodingBytes(Gpt2Config config, int batchSize, int contextLength) =>
        WeightBytes(config) + KvCacheBytes(config, batchSize, contextLength) + DecodingActivationBytes(config, batchSize, contextLength);

    private static ParameterStore Store(Gpt2Config config) => new Gpt2Model(config, allocate: false).Parameters;

    /// <summary>The bytes of what a pass makes of R = B T tokens.</summary>
    private readonly struct Widths
    {
        public Widths(Gpt2Config config, int batchSize, int sequenceLength)
        {
            ArgumentNullException.ThrowIfNull(config);
            config.Validate();
            ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
            ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(sequenceLength, config.ContextLength);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(batchSize, int.MaxValue / sequenceLength);
            Rows = batchSize * sequenceLength;
            long narrow = (long)Rows * config.EmbeddingSize;
            PerRow = Tape.BytesFor(Rows);
            Narrow = Tape.BytesFor(narrow);
            QueriesKeysValues = Tape.BytesFor(3 * narrow);
            Wide = Tape.BytesFor(4 * narrow);
            Logits = Tape.BytesFor((long)Rows * config.VocabularySize);
        }

        /// <summary>R.</summary>
        public int Rows { get; }

        /// <summary>A number, such as an id, for each of R rows.</summary>
        public long PerRow { get; }

        /// <summary>[R, C].</summary>
        public long Narrow { get; }

        /// <summary>[R, 3C].</summary>
        public long QueriesKeysValues { get; }

        /// <summary>[R, 4C].</summary>
        public long Wide { get; }

        /// <summary>[R, V].</summary>
        public long Logits { get; }

        /// <summary>The embeddings and the ids they were looked up by.</summary>
        public long Embedding => Narrow + PerRow;

        /// <summary>A layer norm's output, and each row's mean and deviation.</summary>
        public long Norm => Narrow + (2 * PerRow);
    }
}
