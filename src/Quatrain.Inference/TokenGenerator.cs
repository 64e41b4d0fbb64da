using Quatrain.Inference.Sampling;
using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Inference;

/// <summary>
/// Continues sequences of token ids, one token at a time, with a key-value cache; many side by side, so that the weights are read once for all.
/// </summary>
/// <remarks>
/// <para>What a sequence gets depends on its prompt, its options and the model, not on what else is in its batch, nor on the number of threads.</para>
/// <para>
/// A prompt is read <see cref="PromptChunk"/> tokens at a time, which bounds the memory of a pass. A beginning that it has in common with another sequence
/// in the batch, or with the one before it in its place, is not computed again; where the generator keeps its caches, those of earlier calls count too.
/// </para>
/// <para>
/// Past the context length: when a sequence's cache is full, the newest half of the context (rounded down) is read again from position 0 and the
/// older half is forgotten. So each new token sees between half of a context and a whole one, and reading again costs less than two token's
/// work for each token generated. Where the options name what ends a record and the newest half holds such an end, it is read from the last token of the last one
/// instead: a model of records has never met one by its middle. A prompt longer than the context counts with its last tokens.
/// </para>
/// <para>Not safe for use by several threads at a time; make one for each.</para>
/// </remarks>
public sealed class TokenGenerator : IDisposable
{
    /// <summary>The most tokens of a prompt that go through the model together.</summary>
    public const int PromptChunk = 256;

    // More samples than this of one prompt are drawn by and by.
    private const int MostSamplesTogether = 64;

    private readonly ILanguageModel _model;
    private readonly Tape _tape;
    private readonly SamplerBuffers _buffers = new();
    private readonly List<SequenceSlot> _slots = [];
    private readonly List<SequenceSlot> _rows = [];
    private readonly KvCache _together = new();
    private readonly KvCache _alone = new();
    private readonly bool _keepsCaches;
    private int[] _batch = [];

    /// <summary>A generator over <paramref name="model"/>, which it does not own.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="keepsCaches">
    /// Whether what a call has read serves the next. What is generated is the same either way, if the weights stay as they are; not for a model that trains
    /// between two calls.
    /// </param>
    public TokenGenerator(ILanguageModel model, WorkerPool pool, bool keepsCaches = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _keepsCaches) = (model, keepsCaches);
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>Where the time of the model's operations is added up, or null.</summary>
    public OperationProfile? Profile
    {
        get => _tape.Profile;
        set => _tape.Profile = value;
    }

    /// <summary>The bytes that the activations of the last pass took.</summary>
    internal long ActivationBytes => _tape.BytesUsed;

    /// <summary>Continues one prompt.</summary>
    /// <param name="prompt">At least one id.</param>
    /// <param name="options">How much, how, and the seed; stop texts are not looked at here.</param>
    /// <param name="accept">Gets each new id, and returns false to end.</param>
    /// <param name="cancellation">Ends the generation between two tokens.</param>
    /// <exception cref="InvalidDataException">The prompt is empty or has an id outside the vocabulary, or an option is impossible.</exception>
    public FinishReason Generate(ReadOnlySpan<int> prompt, GenerationOptions options, Func<int, bool> accept, CancellationToken cancellation = default)
    {
        FinishReason reason = FinishReason.Cancelled;
        GenerateBatch([new TokenRequest(prompt.ToArray(), options, accept) { Completed = it => reason = it }], 1, cancellation);
        return reason;
    }

    /// <summary>
    /// Continues one prompt in several ways side by side. Sample i is what <see cref="Generate"/> gives for
    /// <see cref="GenerationOptions.ForSample"/>(i); side by side they only cost less.
    /// </summary>
    /// <param name="prompt">At least one id.</param>
    /// <param name="count">The number of samples.</param>
    /// <param name="options">How much, how, and the seed; stop texts are not looked at here.</param>
    /// <param name="accept">Gets each sample's number and new id, and returns false when that sample is complete.</param>
    /// <param name="cancellation">Ends the generation between two tokens.</param>
    /// <returns>Stop if every sample came to a stop.</returns>
    /// <exception cref="InvalidDataException">The prompt is empty or has an id outside the vocabulary, or an option is impossible.</exception>
    public FinishReason GenerateMany(
        ReadOnlySpan<int> prompt, int count, GenerationOptions options, Func<int, int, bool> accept, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(accept);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        int[] ids = prompt.ToArray();
        int stopped = 0, complete = 0;
        GenerateBatch(
            Enumerable.Range(0, count).Select(i => new TokenRequest(ids, options.ForSample(i), id => accept(i, id))
            {
                Completed = reason =>
                {
                    stopped += reason == FinishReason.Stop ? 1 : 0;
                    complete += reason == FinishReason.Cancelled ? 0 : 1;
                },
            }),
            Math.Min(count, MostSamplesTogether), cancellation);
        return stopped == count ? FinishReason.Stop : complete == count ? FinishReason.Length : FinishReason.Cancelled;
    }

    /// <summary>
    /// Continues any number of prompts, up to <paramref name="batchSize"/> of them side by side: when one is complete, the next takes its place. Each gets the
    /// ids that <see cref="Generate"/> would give it.
    /// </summary>
    /// <param name="requests">The prompts; one is asked for when there is a place for it, so they need not be in memory together.</param>
    /// <param name="batchSize">The most sequences side by side.</param>
    /// <param name="cancellation">Ends the generation between two tokens; what has begun is completed as cancelled.</param>
    /// <exception cref="InvalidDataException">A prompt is empty or has an id outside the vocabulary, or an option is impossible.</exception>
    public void GenerateBatch(IEnumerable<TokenRequest> requests, int batchSize, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        bool keeps = false;
        try
        {
            Run(requests, batchSize, cancellation);
            keeps = _keepsCaches;
        }
        finally
        {
            // Whatever threw may have done so in the middle of a pass: what a cache holds is not known then.
            if (!keeps)
            {
                foreach (SequenceSlot slot in _slots)
                {
                    slot.Forget();
                }
            }
        }
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose()
    {
        foreach (SequenceSlot slot in _slots)
        {
            slot.Dispose();
        }

        _together.Dispose();
        _alone.Dispose();
        _tape.Dispose();
    }

    private void Run(IEnumerable<TokenRequest> requests, int batchSize, CancellationToken cancellation)
    {
        using IEnumerator<TokenRequest> source = requests.GetEnumerator();
        bool more = true;
        do
        {
            for (int i = 0; i < batchSize && more && !cancellation.IsCancellationRequested; i++)
            {
                if (i == _slots.Count)
                {
                    _slots.Add(new SequenceSlot(_model, _buffers, growsAhead: _keepsCaches));
                }

                if (_slots[i].IsFree)
                {
                    more = TryBegin(_slots[i], source);
                }
            }
        }
        while (TryStep(cancellation));
    }

    private bool TryBegin(SequenceSlot slot, IEnumerator<TokenRequest> source)
    {
        if (!source.MoveNext())
        {
            return false;
        }

        TokenRequest request = source.Current;
        request.Options.Validate();
        CheckPrompt(request.Prompt.Span);
        slot.Begin(request);
        return true;
    }

    /// <summary>One more token for each sequence; false if there is none.</summary>
    private bool TryStep(CancellationToken cancellation)
    {
        bool any = false;
        _rows.Clear();
        foreach (SequenceSlot slot in _slots)
        {
            if (slot.IsFree)
            {
                continue;
            }

            any = true;
            if (cancellation.IsCancellationRequested || slot.IsCancelled)
            {
                slot.End(FinishReason.Cancelled);
                continue;
            }

            slot.Share(_slots);
            if (slot.MakeReadable() == 1)
            {
                _rows.Add(slot);
            }
            else
            {
                ReadAlone(slot, cancellation);
            }
        }

        if (_rows.Count > 0)
        {
            ReadTogether();
        }

        return any;
    }

    /// <summary>Reads what is unread of one sequence, a chunk at a time, and draws its next token, unless the caller cancels before.</summary>
    private void ReadAlone(SequenceSlot slot, CancellationToken cancellation)
    {
        _alone.Clear();
        _alone.Add(slot.Cache);
        while (slot.Unread.Length > PromptChunk)
        {
            _tape.Begin();
            _model.Read(_tape, slot.Unread[..PromptChunk], 1, _alone);
            slot.Advance(PromptChunk);
            if (cancellation.IsCancellationRequested || slot.IsCancelled)
            {
                return;
            }
        }

        _tape.Begin();
        Tensor logits = _model.ForwardLast(_tape, slot.Unread, 1, _alone);
        slot.Draw(logits.Values);
    }

    /// <summary>Reads the one unread token of each of the rows' sequences in one pass, and draws the next of each.</summary>
    private void ReadTogether()
    {
        if (_batch.Length < _rows.Count)
        {
            _batch = new int[_rows.Count];
        }

        _together.Clear();
        for (int i = 0; i < _rows.Count; i++)
        {
            _batch[i] = _rows[i].Unread[0];
            _together.Add(_rows[i].Cache);
        }

        _tape.Begin();
        Tensor logits = _model.ForwardLast(_tape, _batch.AsSpan(0, _rows.Count), _rows.Count, _together);
        for (int i = 0; i < _rows.Count; i++)
        {
            _rows[i].Draw(logits.Values.Slice(i * _model.VocabularySize, _model.VocabularySize));
        }
    }

    private void CheckPrompt(ReadOnlySpan<int> prompt)
    {
        if (prompt.IsEmpty)
        {
            throw new InvalidDataException("The prompt is empty; give at least one token to continue from.");
        }

        foreach (int id in prompt)
        {
            if ((uint)id >= (uint)_model.VocabularySize)
            {
                throw new InvalidDataException($"The prompt has token id {id}; this model's ids go from 0 to {_model.VocabularySize - 1}.");
            }
        }
    }
}
