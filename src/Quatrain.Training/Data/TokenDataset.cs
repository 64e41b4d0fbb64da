using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Quatrain.Tensors;
using Quatrain.Tokenizers;

namespace Quatrain.Training.Data;

/// <summary>Token ids to train on and to validate with, and the batches drawn from them.</summary>
/// <remarks>
/// Plain text is learnt from windows that start anywhere. A data set made of records, such as verses, is learnt from windows
/// that start at the last token before a record (the newline that ends the one before), so the model learns to start a record from
/// a newline and never meets one by its middle.
/// </remarks>
public sealed class TokenDataset
{
    // Keeps the draw of batches apart from everything else the run's seed decides; "batch" in ASCII.
    private const ulong BatchLabel = 0x62_61_74_63_68;

    private readonly int[] _train;
    private readonly int[] _validation;
    private readonly Lazy<string> _fingerprint;

    /// <summary>A data set of these ids; the arrays are kept, not copied.</summary>
    /// <param name="train">The ids to learn from.</param>
    /// <param name="validation">The ids to validate with; may be empty.</param>
    /// <param name="trainRecordStarts">Where in <paramref name="train"/> records start, ascending from 0; null for plain text.</param>
    /// <param name="validationRecordStarts">The same for <paramref name="validation"/>.</param>
    /// <exception cref="ArgumentException">Record starts do not begin with 0, ascend and end before the ids do.</exception>
    public TokenDataset(int[] train, int[] validation, int[]? trainRecordStarts = null, int[]? validationRecordStarts = null)
    {
        RecordStarts.Check(trainRecordStarts, train.Length);
        RecordStarts.Check(validationRecordStarts, validation.Length);
        _train = train;
        _validation = validation;
        TrainRecordStarts = trainRecordStarts;
        ValidationRecordStarts = validationRecordStarts;
        _fingerprint = new Lazy<string>(Hash);
    }

    /// <summary>The ids to learn from.</summary>
    public ReadOnlyMemory<int> Train => _train;

    /// <summary>The ids to validate with; may be empty.</summary>
    public ReadOnlyMemory<int> Validation => _validation;

    /// <summary>Where in <see cref="Train"/> records start, or null for plain text.</summary>
    public int[]? TrainRecordStarts { get; }

    /// <summary>Where in <see cref="Validation"/> records start, or null for plain text.</summary>
    public int[]? ValidationRecordStarts { get; }

    /// <summary>SHA-256 of all ids and record starts, in lower-case hexadecimal; tells whether a run is resumed on the same data.</summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Splits a text, the first part to learn from and the last to validate with, and encodes each part.</summary>
    /// <param name="text">The text.</param>
    /// <param name="tokenizer">Has a token for all of the text.</param>
    /// <param name="validationFraction">The share of characters kept for validation; training gets <c>int(n * (1 - fraction))</c>, as in nanoGPT.</param>
    /// <param name="hasRecords">
    /// Whether the text is records with blank lines between them; then the split is moved to the start of a record, and each
    /// record is encoded on its own.
    /// </param>
    /// <param name="endOfText">
    /// Whether the tokenizer's end-of-text token, where plain text has it written out, is that token and not the letters; a tokenizer without one takes the text
    /// as it stands.
    /// </param>
    /// <exception cref="InvalidDataException">The tokenizer has no token for something in the text.</exception>
    public static TokenDataset FromText(string text, ITokenizer tokenizer, double validationFraction, bool hasRecords = false, bool endOfText = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfNegative(validationFraction);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(validationFraction, 1);
        int split = (int)(text.Length * (1 - validationFraction));
        if (!hasRecords)
        {
            split -= split > 0 && split < text.Length && char.IsSurrogatePair(text[split - 1], text[split]) ? 1 : 0;
            DocumentEncoder encoder = new(tokenizer, endOfText);
            split = encoder.OutsideMarker(text, split);
            return new TokenDataset(encoder.Encode(text.AsMemory(0, split)), encoder.Encode(text.AsMemory(split)));
        }

        if (split < text.Length)
        {
            split = RecordStarts.Nearest(RecordStarts.AfterBlankLines(text), split);
        }

        (int[] train, int[] trainStarts) = EncodeRecords(text.AsSpan(0, split), tokenizer);
        (int[] validation, int[] validationStarts) = EncodeRecords(text.AsSpan(split), tokenizer);
        return new TokenDataset(train, validation, trainStarts, validationStarts);
    }

    /// <summary>Checks that a training window of <paramref name="contextLength"/> tokens and the target after it fit the training ids.</summary>
    /// <exception cref="InvalidDataException">The training part is too short; the message has both numbers.</exception>
    public void CheckContextLength(int contextLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(contextLength);
        if (_train.Length <= contextLength)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The training text has {_train.Length} tokens, but context_length {contextLength} needs at least {contextLength + 1L}; use a longer text or a shorter context."));
        }
    }

    /// <summary>Draws the batch of one step; it depends on nothing but the seed, the step and the sizes, so a resumed run needs no cursor.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The number of the forward pass; with gradient accumulation every pass has its own.</param>
    /// <param name="batchSize">B, the number of windows.</param>
    /// <param name="contextLength">T, the length of a window.</param>
    /// <param name="inputs">[B, T], overwritten with the windows.</param>
    /// <param name="targets">[B, T], overwritten with the token that follows each input.</param>
    /// <exception cref="InvalidDataException">The training part is shorter than T + 1.</exception>
    public void FillBatch(ulong seed, long step, int batchSize, int contextLength, Span<int> inputs, Span<int> targets)
    {
        CheckContextLength(contextLength);
        EvaluationWindows.CheckBatch(batchSize, contextLength, inputs, targets);

        RandomSource random = new(seed, BatchLabel, (ulong)step);
        int startCount = _train.Length - contextLength;
        int choices = TrainRecordStarts is null ? startCount : RecordStarts.CountBelow(TrainRecordStarts, startCount + 1);
        for (int row = 0; row < batchSize; row++)
        {
            int choice = random.NextInt32(choices);
            int start = TrainRecordStarts is null ? choice : RecordStarts.WindowStart(TrainRecordStarts[choice]);
            _train.AsSpan(start, contextLength).CopyTo(inputs[(row * contextLength)..]);
            _train.AsSpan(start + 1, contextLength).CopyTo(targets[(row * contextLength)..]);
        }
    }

    /// <summary>The windows that score every validation token but the first exactly once.</summary>
    /// <param name="contextLength">The longest window.</param>
    /// <param name="stride">For plain text, how far apart windows start; 0 for <paramref name="contextLength"/>. Records have no stride.</param>
    public EvaluationWindows ValidationWindows(int contextLength, int stride = 0) => ValidationRecordStarts is null
        ? EvaluationWindows.Plain(_validation, contextLength, stride)
        : EvaluationWindows.OfRecords(_validation, ValidationRecordStarts, contextLength);

    private static (int[] Ids, int[] Starts) EncodeRecords(ReadOnlySpan<char> text, ITokenizer tokenizer)
    {
        // Encoded one by one: a tokenizer whose tokens hold several characters would otherwise join the end of one to the next.
        int[] characterStarts = RecordStarts.AfterBlankLines(text);
        List<int> ids = new(text.Length);
        int[] starts = new int[characterStarts.Length];
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = ids.Count;
            int end = i + 1 < starts.Length ? characterStarts[i + 1] : text.Length;
            ids.AddRange(tokenizer.Encode(text[characterStarts[i]..end]));
        }

        return ([.. ids], starts);
    }

    private string Hash()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (int[] part in new[] { _train, _validation, TrainRecordStarts ?? [], ValidationRecordStarts ?? [] })
        {
            // The length first, so that a token moved from one part to the next changes the hash.
            hash.AppendData(MemoryMarshal.AsBytes<int>([part.Length]));
            hash.AppendData(MemoryMarshal.AsBytes(part.AsSpan()));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
