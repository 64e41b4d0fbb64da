using Quatrain.Inference.Sampling;
using Quatrain.Models;

namespace Quatrain.Inference;

/// <summary>A place in a batch: one sequence at a time, its newest ids, and the keys and values of those that the model has read.</summary>
/// <param name="model">The model.</param>
/// <param name="buffers">What its samplers share with those of other places.</param>
/// <param name="growsAhead">
/// Whether the cache grows to twice its size at least, because sequences are to come that begin as the one before did and are longer: a conversation is not
/// copied with each message then. Where not, it is no larger than its longest sequence needs.
/// </param>
internal sealed class SequenceSlot(ILanguageModel model, SamplerBuffers buffers, bool growsAhead) : IDisposable
{
    private KvSequence _cache = model.NewSequence(1);
    private TokenRequest? _request;
    private Sampler? _sampler;

    // The newest ids, as many as the model can look at or more. Those read are the last of those before the unread.
    private int[] _ids = [];
    private int _count;
    private int _unread;
    private int _left;
    private bool _isNew;

    /// <summary>What the sequence is a part of a batch with.</summary>
    public KvSequence Cache => _cache;

    /// <summary>Whether it is over, or none has begun.</summary>
    public bool IsFree => _request is null;

    /// <summary>Whether the caller wants no more of it.</summary>
    public bool IsCancelled => _request!.Cancellation.IsCancellationRequested;

    /// <summary>The newest ids, which the model has not read yet.</summary>
    public ReadOnlySpan<int> Unread => _ids.AsSpan(_count - _unread, _unread);

    private ReadOnlySpan<int> Read => _ids.AsSpan(_count - _unread - _cache.Length, _cache.Length);

    /// <summary>Takes up a new sequence. Where it begins as the one before did, that beginning need not be read again.</summary>
    /// <exception cref="InvalidDataException">An option is impossible.</exception>
    public void Begin(TokenRequest request)
    {
        GenerationOptions options = request.Options;
        Sampler sampler = new(options.Sampling, options.Seed, buffers);
        ReadOnlySpan<int> prompt = request.Prompt.Span;
        prompt = prompt[Math.Max(0, prompt.Length - model.ContextLength)..];
        int whole = (int)Math.Min((long)prompt.Length + options.MaxTokens, 2L * model.ContextLength);
        int known = Read.CommonPrefixLength(prompt[..^1]);
        MakeRoom(Math.Min(whole, model.ContextLength), known);
        if (_ids.Length < whole)
        {
            _ids = new int[whole];
        }

        prompt.CopyTo(_ids);
        _count = prompt.Length;
        _unread = prompt.Length - known;
        _left = options.MaxTokens;
        _isNew = true;
        (_request, _sampler) = (request, sampler);
    }

    /// <summary>
    /// Before the first pass of a sequence: takes over the beginning that it has in common with the one of <paramref name="slots"/> it has the most with, where
    /// that is more than its place has left of the one before.
    /// </summary>
    public void Share(IReadOnlyList<SequenceSlot> slots)
    {
        if (!_isNew)
        {
            return;
        }

        _isNew = false;
        ReadOnlySpan<int> prompt = _ids.AsSpan(0, _count - 1);
        int most = _cache.Length;
        SequenceSlot? best = null;
        foreach (SequenceSlot other in slots)
        {
            int common = other.Read.CommonPrefixLength(prompt);
            if (common > most && other != this)
            {
                (most, best) = (common, other);
            }
        }

        if (best is not null)
        {
            _cache.CopyFrom(best._cache, most);
            _unread = _count - most;
        }

        _request!.Started?.Invoke(most);
    }

    /// <summary>
    /// Makes room for what is unread: where the context is full, its newer half, or less from a record's beginning on, is all that goes on, and is to be read
    /// again. Returns how many ids are to be read.
    /// </summary>
    public int MakeReadable()
    {
        if (_cache.Length + _unread > model.ContextLength)
        {
            _cache.Truncate(0);
            _unread = Kept();
        }

        return _unread;
    }

    /// <summary>The model has read <paramref name="count"/> more ids.</summary>
    public void Advance(int count) => _unread -= count;

    /// <summary>After the model has read all there was to read: chooses the next id and hands it over.</summary>
    /// <param name="logits">[V], after all ids so far.</param>
    /// <exception cref="InvalidDataException">The logits are not finite.</exception>
    public void Draw(ReadOnlySpan<float> logits)
    {
        _unread = 0;
        int seen = Math.Min(_count, model.ContextLength);
        int id = _sampler!.Next(logits, _ids.AsSpan(_count - seen, seen));
        if (_request!.Options.StopTokens.Contains(id))
        {
            End(FinishReason.Stop);
            return;
        }

        if (_count == _ids.Length)
        {
            _ids.AsSpan(_count - model.ContextLength).CopyTo(_ids);
            _count = model.ContextLength;
        }

        _ids[_count++] = id;
        _unread = 1;
        _left--;
        if (!_request.Accept(id))
        {
            End(FinishReason.Stop);
        }
        else if (_left == 0)
        {
            End(FinishReason.Length);
        }
    }

    /// <summary>Ends the sequence and says why. What was read stays, in case the next begins as it did.</summary>
    public void End(FinishReason reason)
    {
        Action<FinishReason>? completed = _request!.Completed;
        (_request, _sampler) = (null, null);
        completed?.Invoke(reason);
    }

    /// <summary>Forgets everything, a sequence that is not over too.</summary>
    public void Forget()
    {
        (_request, _sampler) = (null, null);
        _cache.Truncate(0);
        (_count, _unread) = (0, 0);
    }

    public void Dispose() => _cache.Dispose();

    /// <summary>Sees to it that so many tokens fit, and that of those read <paramref name="known"/> stay.</summary>
    private void MakeRoom(int tokens, int known)
    {
        if (_cache.Capacity >= tokens)
        {
            _cache.Truncate(known);
            return;
        }

        KvSequence larger = model.NewSequence(growsAhead ? Math.Max(tokens, 2 * _cache.Capacity) : tokens);
        larger.CopyFrom(_cache, known);
        _cache.Dispose();
        _cache = larger;
    }

    /// <summary>How many of the newest ids go on when the context is full.</summary>
    private int Kept()
    {
        int half = Math.Max(1, model.ContextLength / 2);
        IReadOnlyList<int> recordEnd = _request!.Options.RecordEnd;
        if (recordEnd.Count == 0)
        {
            return half;
        }

        int end = _ids.AsSpan(_count - half, half).LastIndexOf([.. recordEnd]);
        return end < 0 ? half : half - (end + recordEnd.Count - 1);
    }
}
