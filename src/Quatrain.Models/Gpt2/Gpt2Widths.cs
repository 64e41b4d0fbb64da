using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2;

/// <summary>The bytes of what a pass makes of R = B T tokens.</summary>
internal readonly struct Gpt2Widths
{
    public Gpt2Widths(Gpt2Config config, int batchSize, int sequenceLength)
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
        AttentionLogSums = Tape.BytesFor((long)Rows * config.HeadCount);
        NormWorkspace = Tape.BytesFor(LayerNormOp.BackwardWorkspace(Rows, config.EmbeddingSize));
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

    /// <summary>The log of each row's softmax sum in each of H heads.</summary>
    public long AttentionLogSums { get; }

    /// <summary>What a layer norm works in on the way back.</summary>
    public long NormWorkspace { get; }
}
