using Quatrain.Inference.Chat;
using Quatrain.Tensors.Ops;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>Which tokens the loss is measured on.</summary>
public enum ScoredTokens
{
    /// <summary>Those of replies, and what ends each.</summary>
    Replies,

    /// <summary>All, prompts too.</summary>
    All,
}

/// <summary>What becomes of an entry that is longer than the model's context.</summary>
public enum LongEntryPolicy
{
    /// <summary>Its end is cut off; where nothing scored is left, it is left out.</summary>
    Truncate,

    /// <summary>The data is refused.</summary>
    Refuse,
}

/// <summary>Instruction data as token ids, each entry with what follows each of its tokens.</summary>
public sealed class InstructionDataset
{
    private InstructionDataset(IReadOnlyList<InstructionExample> examples) => Examples = examples;

    /// <summary>The entries in their order.</summary>
    public IReadOnlyList<InstructionExample> Examples { get; }

    /// <summary>How many of them had their end cut off.</summary>
    public int TruncatedCount { get; private init; }

    /// <summary>How many entries were left out, because nothing scored lay within the context.</summary>
    public int LeftOutCount { get; private init; }

    /// <summary>The tokens of all examples.</summary>
    public long TokenCount => Examples.Sum(example => (long)example.Ids.Length);

    /// <summary>The targets that are scored.</summary>
    public long ScoredCount => Examples.Sum(example => (long)example.Targets.Length - example.Targets.AsSpan().Count(CrossEntropyOp.IgnoreIndex));

    /// <summary>Encodes <paramref name="entries"/>.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="encoder">The prompt style and the tokenizer.</param>
    /// <param name="contextLength">The most tokens of an example.</param>
    /// <param name="scored">Which tokens the loss is measured on.</param>
    /// <param name="longEntries">What becomes of entries that are longer.</param>
    /// <exception cref="InvalidDataException">
    /// An entry can't be encoded, or is too long where that is refused, the message names it; or of all entries nothing scored lies within the context.
    /// </exception>
    public static InstructionDataset Encode(
        IReadOnlyList<InstructionEntry> entries, ChatEncoder encoder, int contextLength,
        ScoredTokens scored = ScoredTokens.Replies, LongEntryPolicy longEntries = LongEntryPolicy.Truncate)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 1);
        List<InstructionExample> examples = [];
        int truncated = 0, leftOut = 0;
        foreach (InstructionEntry entry in entries)
        {
            EncodedChat chat = Encode(entry, encoder);
            // The last token of all is a target only.
            int length = chat.Ids.Length - 1;
            if (length > contextLength && longEntries == LongEntryPolicy.Refuse)
            {
                throw new InvalidDataException(
                    $"{entry.Where} has {length} tokens before its last, and at most {contextLength} are read; shorten it, or leave out --too-long refuse to cut it.");
            }

            InstructionExample example = Example(chat, Math.Min(length, contextLength), scored);
            if (example.Targets.AsSpan().ContainsAnyExcept(CrossEntropyOp.IgnoreIndex))
            {
                examples.Add(example);
                truncated += length > contextLength ? 1 : 0;
            }
            else
            {
                leftOut++;
            }
        }

        return examples.Count > 0 || entries.Count == 0
            ? new InstructionDataset(examples) { TruncatedCount = truncated, LeftOutCount = leftOut }
            : throw new InvalidDataException(
                $"No reply of the {entries.Count} entries begins within the {contextLength} tokens that are read; use a model with a longer context, or a shorter prompt style.");
    }

    private static EncodedChat Encode(InstructionEntry entry, ChatEncoder encoder)
    {
        try
        {
            return encoder.Encode(entry.Turns);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{entry.Where} can't be encoded: {e.Message}", e);
        }
    }

    private static InstructionExample Example(EncodedChat chat, int length, ScoredTokens scored)
    {
        int[] targets = chat.Ids[1..(length + 1)];
        for (int i = 0; i < length && scored == ScoredTokens.Replies; i++)
        {
            if (!chat.IsReply[i + 1])
            {
                targets[i] = CrossEntropyOp.IgnoreIndex;
            }
        }

        return new InstructionExample(chat.Ids[..length], targets);
    }
}
