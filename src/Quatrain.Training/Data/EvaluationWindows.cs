using Quatrain.Tensors.Ops;

namespace Quatrain.Training.Data;

/// <summary>A stretch of tokens to evaluate at once.</summary>
/// <param name="Start">The position of the first input token.</param>
/// <param name="Length">The number of inputs, and of targets, which lie one position later.</param>
/// <param name="FirstScored">The first target that counts; those before it are context only.</param>
public readonly record struct EvaluationWindow(int Start, int Length, int FirstScored)
{
    /// <summary>The number of targets that count.</summary>
    public int ScoredCount => Length - FirstScored;
}

/// <summary>Windows over a text that score each of its tokens but the first exactly once.</summary>
public sealed class EvaluationWindows
{
    /// <summary>The target of a position that counts for nothing.</summary>
    public const int IgnoreIndex = CrossEntropyOp.IgnoreIndex;

    private readonly ReadOnlyMemory<int> _ids;
    private readonly EvaluationWindow[] _windows;

    private EvaluationWindows(ReadOnlyMemory<int> ids, int contextLength, EvaluationWindow[] windows)
    {
        _ids = ids;
        _windows = windows;
        ContextLength = contextLength;
        TargetCount = windows.Sum(window => (long)window.ScoredCount);
    }

    /// <summary>The windows, in the order of the text.</summary>
    public IReadOnlyList<EvaluationWindow> Windows => _windows;

    /// <summary>The longest a window may be.</summary>
    public int ContextLength { get; }

    /// <summary>The number of targets that all windows together score.</summary>
    public long TargetCount { get; }

    /// <summary>Windows over plain text.</summary>
    /// <param name="ids">The text; fewer than two tokens have no windows.</param>
    /// <param name="contextLength">The longest window.</param>
    /// <param name="stride">
    /// How far apart windows start, at most <paramref name="contextLength"/>, which 0 stands for; a shorter stride gives every scored
    /// target but the first window's at least <c>contextLength - stride</c> tokens of context.
    /// </param>
    public static EvaluationWindows Plain(ReadOnlyMemory<int> ids, int contextLength, int stride = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(contextLength);
        ArgumentOutOfRangeException.ThrowIfNegative(stride);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, contextLength);
        List<EvaluationWindow> windows = [];
        AddPlain(windows, 0, ids.Length, contextLength, stride == 0 ? contextLength : stride);
        return new EvaluationWindows(ids, contextLength, [.. windows]);
    }

    /// <summary>Windows of as many whole records as fit; a record longer than a window gets plain windows of its own.</summary>
    /// <param name="ids">The records, one after the other.</param>
    /// <param name="recordStarts">Where in <paramref name="ids"/> records start, ascending from 0.</param>
    /// <param name="contextLength">The longest window.</param>
    /// <remarks>A window's first input is the last token before its first record, so that the record's first token is scored too.</remarks>
    public static EvaluationWindows OfRecords(ReadOnlyMemory<int> ids, int[] recordStarts, int contextLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(contextLength);
        RecordStarts.Check(recordStarts, ids.Length);
        List<EvaluationWindow> windows = [];
        int record = 0;
        while (record < recordStarts.Length)
        {
            int start = RecordStarts.WindowStart(recordStarts[record]);
            int end = EndOf(record++);
            while (record < recordStarts.Length && EndOf(record) - 1 - start <= contextLength)
            {
                end = EndOf(record++);
            }

            AddPlain(windows, start, end, contextLength, contextLength);
        }

        return new EvaluationWindows(ids, contextLength, [.. windows]);

        int EndOf(int record) => record + 1 < recordStarts.Length ? recordStarts[record + 1] : ids.Length;
    }

    /// <summary>Windows spread evenly over these that score at most <paramref name="targets"/> targets together, but at least one window; 0 keeps all.</summary>
    public EvaluationWindows AtMost(long targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(targets);
        if (targets == 0 || targets >= TargetCount)
        {
            return this;
        }

        int wanted = Math.Max(1, (int)((double)_windows.Length * targets / TargetCount));
        List<EvaluationWindow> chosen = [];
        long scored = 0;
        for (int i = 0; i < wanted; i++)
        {
            EvaluationWindow window = _windows[(int)((long)i * _windows.Length / wanted)];
            if (chosen.Count == 0 || scored + window.ScoredCount <= targets)
            {
                chosen.Add(window);
                scored += window.ScoredCount;
            }
        }

        return new EvaluationWindows(_ids, ContextLength, [.. chosen]);
    }

    /// <summary>The targets of one of <see cref="Windows"/> that count.</summary>
    public ReadOnlySpan<int> ScoredTargets(EvaluationWindow window) => _ids.Span.Slice(window.Start + window.FirstScored + 1, window.ScoredCount);

    /// <summary>Writes a batch of windows, one a row, each padded on the right to <see cref="ContextLength"/>.</summary>
    /// <param name="first">The first window; rows past the last window are padding only.</param>
    /// <param name="batchSize">B, the number of rows.</param>
    /// <param name="inputs">[B, T], overwritten; padding is token 0.</param>
    /// <param name="targets">[B, T], overwritten; <see cref="IgnoreIndex"/> at padding and at targets that don't count.</param>
    /// <returns>The number of targets that count.</returns>
    public int FillBatch(int first, int batchSize, Span<int> inputs, Span<int> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        CheckBatch(batchSize, ContextLength, inputs, targets);
        inputs.Clear();
        targets.Fill(IgnoreIndex);
        int scored = 0;
        for (int row = 0; row < batchSize && first + row < _windows.Length; row++)
        {
            EvaluationWindow window = _windows[first + row];
            ReadOnlySpan<int> ids = _ids.Span.Slice(window.Start, window.Length + 1);
            ids[..^1].CopyTo(inputs[(row * ContextLength)..]);
            ids[(window.FirstScored + 1)..].CopyTo(targets[(row * ContextLength + window.FirstScored)..]);
            scored += window.ScoredCount;
        }

        return scored;
    }

    internal static void CheckBatch(int batchSize, int contextLength, ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        long size = (long)batchSize * contextLength;
        if (inputs.Length != size || targets.Length != size)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"A batch of [{batchSize}, {contextLength}] needs {size} inputs and targets, not {inputs.Length} and {targets.Length}."));
        }
    }

    // Scores the targets at start + 1 .. end - 1.
    private static void AddPlain(List<EvaluationWindow> windows, int start, int end, int contextLength, int stride)
    {
        int scoredUpTo = start;
        while (scoredUpTo < end - 1)
        {
            int length = Math.Min(contextLength, end - 1 - start);
            windows.Add(new EvaluationWindow(start, length, scoredUpTo - start));
            scoredUpTo = start + length;
            start += stride;
        }
    }
}
