using Quatrain.Tensors;

namespace Quatrain.Models.Gpt2;

/// <summary>What a GPT-2 needs in memory, in bytes, worked out from its configuration before anything is allocated.</summary>
/// <remarks>
/// Exact for weights, gradients, moments, caches and what a step's tape takes, alignment counted. Not counted: some megabytes a thread
/// in which matrix products lie packed, and the runtime itself.
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

    /// <summary>The weights of a model for inference whose matrices are held in <paramref name="format"/>; vectors and the position embedding stay float32.</summary>
    /// <inheritdoc cref="WeightBytes(Gpt2Config)" path="/exception"/>
    public static long WeightBytes(Gpt2Config config, WeightFormat format) =>
        Store(config).Parameters.Sum(parameter => Gpt2Mapping.WeightBytes(parameter.Name, parameter.Tensor.Shape, format));

    /// <summary>The gradients of all weights.</summary>
    /// <inheritdoc cref="WeightBytes(Gpt2Config)" path="/exception"/>
    public static long GradientBytes(Gpt2Config config) => WeightBytes(config);

    /// <summary>AdamW's two moments of each weight.</summary>
    /// <inheritdoc cref="WeightBytes(Gpt2Config)" path="/exception"/>
    public static long OptimizerBytes(Gpt2Config config) => 2 * WeightBytes(config);

    /// <summary>
    /// What the tape takes for forward, loss and backward of one batch: the ops' outputs, what they keep for the way back, and those gradients
    /// of outputs that find no memory of their size given back. All weights are trained.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="batchSize">B: the sequences that go through the model together, where training cuts a batch into slices those of a slice.</param>
    /// <param name="sequenceLength">T, at most the context.</param>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or B T exceeds 2^31 - 1 or T the context.</exception>
    public static long TrainingActivationBytes(Gpt2Config config, int batchSize, int sequenceLength) =>
        new Gpt2StepMemory(config, new Gpt2Widths(config, batchSize, sequenceLength)).Train();

    /// <summary>As <see cref="TrainingActivationBytes(Gpt2Config, int, int)"/>, where <paramref name="part"/> of the model is trained; class weights are not counted.</summary>
    /// <param name="config">The model.</param>
    /// <param name="batchSize">B: the sequences of a batch.</param>
    /// <param name="sequenceLength">T, the tokens of the longest.</param>
    /// <param name="part">What is trained, on what.</param>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)" path="/exception"/>
    public static long TrainingActivationBytes(Gpt2Config config, int batchSize, int sequenceLength, in Gpt2Part part) =>
        new Gpt2StepMemory(config, new Gpt2Widths(config, batchSize, sequenceLength)).Train(part);

    /// <summary>Everything that training holds: weights, gradients, moments and activations.</summary>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)"/>
    public static long TrainingBytes(Gpt2Config config, int batchSize, int sequenceLength) =>
        WeightBytes(config) + GradientBytes(config) + OptimizerBytes(config) + TrainingActivationBytes(config, batchSize, sequenceLength);

    /// <summary>What the tape takes to score all tokens of one batch, without a way back.</summary>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)" path="/param"/>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)" path="/exception"/>
    public static long EvaluationActivationBytes(Gpt2Config config, int batchSize, int sequenceLength) =>
        new Gpt2StepMemory(config, new Gpt2Widths(config, batchSize, sequenceLength)).Evaluate();

    /// <summary>
    /// What the tape takes for what the head of <paramref name="part"/> says of one batch, without a way back, be the results of the frozen stages given or computed: at most as much
    /// as without any.
    /// </summary>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int, in Gpt2Part)" path="/param"/>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)" path="/exception"/>
    public static long EvaluationActivationBytes(Gpt2Config config, int batchSize, int sequenceLength, in Gpt2Part part) =>
        new Gpt2StepMemory(config, new Gpt2Widths(config, batchSize, sequenceLength)).Evaluate(part);

    /// <summary>
    /// The keys and values of all layers for <paramref name="contextLength"/> tokens of each of <paramref name="batchSize"/>
    /// sequences.
    /// </summary>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the context is longer than the model's.</exception>
    public static long KvCacheBytes(Gpt2Config config, int batchSize, int contextLength)
    {
        Gpt2Widths w = new(config, batchSize, contextLength);
        return 2L * config.LayerCount * w.Rows * config.EmbeddingSize * sizeof(float);
    }

    /// <summary>
    /// What the tape holds after one pass over the next <paramref name="sequenceLength"/> tokens of sequences in a cache for the logits of the last, without a
    /// way back.
    /// </summary>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)" path="/param"/>
    /// <inheritdoc cref="TrainingActivationBytes(Gpt2Config, int, int)" path="/exception"/>
    public static long DecodingActivationBytes(Gpt2Config config, int batchSize, int sequenceLength) =>
        new Gpt2StepMemory(config, new Gpt2Widths(config, batchSize, sequenceLength)).Decode(batchSize);

    /// <summary>
    /// Everything that decoding holds beside the weights: the caches of sequences of that length, and the larger of what a pass over one token of each takes
    /// and one over a chunk of one sequence's prompt.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="batchSize">B: sequences decoded together.</param>
    /// <param name="contextLength">The tokens of each, at most the model's context.</param>
    /// <param name="chunk">The tokens of a prompt that go through the model together.</param>
    /// <inheritdoc cref="KvCacheBytes" path="/exception"/>
    public static long DecodingStateBytes(Gpt2Config config, int batchSize, int contextLength, int chunk) =>
        KvCacheBytes(config, batchSize, contextLength)
        + Math.Max(DecodingActivationBytes(config, batchSize, 1), DecodingActivationBytes(config, 1, Math.Min(chunk, contextLength)));

    /// <summary>Everything that decoding holds: weights, caches and activations.</summary>
    /// <inheritdoc cref="DecodingStateBytes"/>
    public static long DecodingBytes(Gpt2Config config, int batchSize, int contextLength, int chunk) =>
        WeightBytes(config) + DecodingStateBytes(config, batchSize, contextLength, chunk);

    /// <summary>Checks that a model can be loaded and can decode its whole context in <paramref name="availableBytes"/> of memory.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weightBytes">What the weights take in memory of the process's own.</param>
    /// <param name="name">What to call it in the message.</param>
    /// <param name="availableBytes">The memory there is.</param>
    /// <exception cref="InvalidDataException">It can't; the message has what it needs and what there is.</exception>
    public static void CheckDecodingFits(Gpt2Config config, long weightBytes, string name, long availableBytes)
    {
        ArgumentNullException.ThrowIfNull(config);
        long needed = weightBytes + KvCacheBytes(config, 1, config.ContextLength);
        if (needed > availableBytes)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The model in '{name}' needs {needed / 1048576.0:N0} MB of memory for its weights and the keys and values of its context, and {availableBytes / 1048576.0:N0} MB are available; use a smaller model, or end other programs."));
        }
    }

    private static ParameterStore Store(Gpt2Config config) => new Gpt2Model(config, allocate: false).Parameters;
}
