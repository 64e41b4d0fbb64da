using Quatrain.Inference.Sampling;
using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference;

/// <summary>
/// Continues sequences of token ids, one token at a time, with a key-value cache.
/// </summary>
/// <remarks>
/// Past the context length: when the cache is full, the newest half of the context (rounded down) is read again from position 0 and the
/// older half is forgotten. So each new token sees between half of a context and a whole one, and reading again costs less than two token's
/// work for each token generated. Where the options name what ends a record and the newest half holds such an end, it is read from the last token of the last one
/// instead: a model of records has never met one by its middle. A prompt longer than the context counts with its last tokens.
/// Not safe for use by several threads at a time; make one for each.
/// </remarks>
public sealed class TokenGenerator : IDisposable
{
    private readonly ILanguageModel _model;
    private readonly Tape _tape;
    private readonly Dictionary<int, KvCache> _caches = [];
    private int[] _batch = [];

    /// <summary>A generator over <paramref name="model"/>, which it does not own.</summary>
    public TokenGenerator(ILanguageModel model, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>Continues one prompt.</summary>
    /// <param name="prompt">At least one id.</param>
    /// <param name="options">How much, how, and the seed; stop texts are not looked at here.</param>
    /// <param name="accept">Gets each new id, and returns false to end.</param>
    /// <param name="cancellation">Ends the generation between two tokens.</param>
    /// <exception cref="InvalidDataException">The prompt is empty or has an id outside the vocabulary, or an option is impossible.</exception>
    public FinishReason Generate(ReadOnlySpan<int> prompt, GenerationOptions options, Func<int, bool> accept, CancellationToken cancellation = default) =>
        GenerateMany(prompt, 1, options, (_, id) => accept(id), cancellation);

    /// <summary>
    /// Continues one prompt in several ways side by side. Sample i is what <see cref="Generate"/> gives for the i-th seed derived from the options'
    /// (sample 0: the seed itself); side by side they only cost less.
    /// </summary>
    /// <param name="prompt">At least one id.</param>
    /// <param name="count">The number of samples.</param>
    /// <param name="options">How much, how, and the seed; stop texts are not looked at here.</param>
    /// <param name="accept">Gets each sample's number and new id, and returns false when that sample is complete.</param>
    /// <param name="cancellation">Ends the generation between two tokens.</param>
    /// <returns>Stop if every sample was completed by <paramref name="accept"/>.</returns>
    /// <exception cref="InvalidDataException">The prompt is empty or has an id outside the vocabulary, or an option is impossible.</exception>
    public FinishReason GenerateMany(
        ReadOnlySpan<int> prompt, int count, GenerationOptions options, Func<int, int, bool> accept, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(accept);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        options.Validate();
        CheckPrompt(prompt);

        int contextLength = _model.ContextLength;
        KvCache cache = CacheFor(count);
        cache.Truncate(0);
        Sample[] samples = new Sample[count];
        for (int i = 0; i < count; i++)
        {
            samples[i] = new Sample(prompt, options, i == 0 ? options.Seed : RandomSource.Mix(options.Seed, (ulong)i));
        }

        int known = prompt.Length;
        int unread = Math.Min(known, contextLength);
        int active = count;
        for (int made = 0; made < options.MaxTokens; made++)
        {
            if (cancellation.IsCancellationRequested)
            {
                return FinishReason.Cancelled;
            }

            if (cache.Length + unread > contextLength)
            {
                cache.Truncate(0);
                unread = Kept(samples, known, options.RecordEnd);
            }

            Tensor logits = Read(samples, known, unread, cache);
            unread = 1;
            for (int i = 0; i < count; i++)
            {
                Sample sample = samples[i];
                if (sample.Complete)
                {
                    // Its place in the batch stays; what it reads there no longer matters.
                    sample.Ids[known] = sample.Ids[known - 1];
                    continue;
                }

                ReadOnlySpan<int> seen = sample.Ids.AsSpan(Math.Max(0, known - contextLength), Math.Min(known, contextLength));
                int id = sample.Sampler.Next(logits.Values.Slice(i * _model.VocabularySize, _model.VocabularySize), seen);
                sample.Ids[known] = id;
                if (!accept(i, id))
                {
                    sample.Complete = true;
                    active--;
                }
            }

            known++;
            if (active == 0)
            {
                return FinishReason.Stop;
            }
        }

        return FinishReason.Length;
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose()
    {
        foreach (KvCache cache in _caches.Values)
        {
            cache.Dispose();
        }

        _tape.Dispose();
    }

    /// <summary>The logits [count, 1, V] after the newest <paramref name="unread"/> of <paramref name="known"/> ids of each sample.</summary>
    private Tensor Read(Sample[] samples, int known, int unread, KvCache cache)
    {
        if (_batch.Length < samples.Length * unread)
        {
            _batch = new int[samples.Length * unread];
        }

        for (int i = 0; i < samples.Length; i++)
        {
            samples[i].Ids.AsSpan(known - unread, unread).CopyTo(_batch.AsSpan(i * unread));
        }

        _tape.Begin();
        return _model.ForwardLast(_tape, _batch.AsSpan(0, samples.Length * unread), samples.Length, cache);
    }

    /// <summary>How many of the newest ids to read again when the context is full.</summary>
    private int Kept(Sample[] samples, int known, IReadOnlyList<int> recordEnd)
    {
        int half = Math.Max(1, _model.ContextLength / 2);
        if (samples.Length > 1 || recordEnd.Count == 0)
        {
            // Samples side by side stay of one length.
            return half;
        }

        int end = samples[0].Ids.AsSpan(known - half, half).LastIndexOf([.. recordEnd]);
        return end < 0 ? half : half - (end + recordEnd.Count - 1);
    }

    private KvCache CacheFor(int count)
    {
        if (!_caches.TryGetValue(count, out KvCache? cache))
        {
            cache = _model.NewCache(count);
            _caches.Add(count, cache);
        }

        return cache;
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

    private sealed class Sample
    {
        public Sample(ReadOnlySpan<int> prompt, GenerationOptions options, ulong seed)
        {
            Ids = new int[prompt.Length + options.MaxTokens];
            prompt.CopyTo(Ids);
            Sampler = new Sampler(options.Sampling, seed);
        }

        public int[] Ids { get; }

        public Sampler Sampler { get; }

        public bool Complete { get; set; }
    }
}
