using Quatrain.Tensors;

namespace Quatrain.Inference.Sampling;

/// <summary>Chooses the next token from a model's logits.</summary>
/// <remarks>
/// The order of the steps: (1) repetition penalty, each different recent token once: a positive logit is divided by it, a negative
/// one multiplied (Keskar et al., "CTRL", 2019, section 4.1, as Hugging Face Transformers has it); (2) temperature; (3) top-k; (4) top-p:
/// the smallest set of most likely tokens whose probability, among those left by top-k, reaches p; (5) min-p: the tokens whose
/// probability is at least min-p times the greatest; (6) one draw among the tokens left, in proportion to their probability.
/// Of equally likely tokens the one with the lower id comes first, and the most likely token is always left.
/// A draw takes one random number, whatever the logits; at temperature 0 none is taken. Nothing is allocated after the first call
/// unless the vocabulary grows. Not safe for use from several threads at once.
/// </remarks>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly RandomSource _random;

    private readonly SamplerBuffers _buffers;

    /// <summary>A sampler that draws the same tokens from the same logits for the same <paramref name="seed"/>.</summary>
    /// <exception cref="InvalidDataException">An option has an impossible value.</exception>
    public Sampler(SamplingOptions options, ulong seed)
        : this(options, seed, new SamplerBuffers())
    {
    }

    /// <summary>A sampler that works in the same memory as others, by turns.</summary>
    internal Sampler(SamplingOptions options, ulong seed, SamplerBuffers buffers)
    {
        _buffers = buffers;
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _random = new RandomSource(seed);
    }

    /// <summary>Chooses a token id in [0, V).</summary>
    /// <param name="logits">[V], unnormalised; a token with negative infinity is never chosen.</param>
    /// <param name="recentTokens">The tokens that the repetition penalty holds for, in any order.</param>
    /// <exception cref="InvalidDataException">A logit is NaN or positive infinity, or all are negative infinity.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A recent token lies outside [0, V).</exception>
    public int Next(ReadOnlySpan<float> logits, ReadOnlySpan<int> recentTokens)
    {
        if (logits.IsEmpty)
        {
            throw new ArgumentException("There are no logits to choose from.", nameof(logits));
        }

        _buffers.Reserve(logits.Length);
        Span<float> scores = _buffers.Scores.AsSpan(0, logits.Length);
        logits.CopyTo(scores);
        Penalize(logits, recentTokens, scores);
        int best = MostLikely(scores);
        if (_options.Temperature == 0)
        {
            return best;
        }

        double uniform = _random.NextDouble();
        return LimitsCount(logits.Length) || _options.TopP < 1 || _options.MinP > 0
            ? DrawFiltered(scores, scores[best], uniform)
            : DrawFromAll(scores, scores[best], uniform);
    }

    private bool LimitsCount(int vocabularySize) => _options.TopK > 0 && _options.TopK < vocabularySize;

    private void Penalize(ReadOnlySpan<float> logits, ReadOnlySpan<int> recentTokens, Span<float> scores)
    {
        double penalty = _options.RepetitionPenalty;
        if (penalty == 1)
        {
            return;
        }

        foreach (int token in recentTokens)
        {
            if ((uint)token >= (uint)logits.Length)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(recentTokens), token, $"A recent token lies outside the vocabulary of {logits.Length} tokens.");
            }

            // Always from the untouched logit, so a token that occurred twice is penalised once.
            float logit = logits[token];
            scores[token] = (float)(logit > 0 ? logit / penalty : logit * penalty);
        }
    }

    private static int MostLikely(ReadOnlySpan<float> scores)
    {
        int best = 0;
        float greatest = float.NegativeInfinity;
        for (int id = 0; id < scores.Length; id++)
        {
            float score = scores[id];
            // False for NaN too, which is why the comparison is not the plain one.
            if (!(score <= greatest))
            {
                if (!float.IsFinite(score))
                {
                    throw new InvalidDataException(
                        $"The model gives {(float.IsNaN(score) ? "NaN (not a number)" : "infinity")} as the logit of token {id}; " +
                        "its weights are damaged or its training diverged, so use an earlier checkpoint.");
                }

                greatest = score;
                best = id;
            }
        }

        return greatest > float.NegativeInfinity
            ? best
            : throw new InvalidDataException("No token can be drawn, because the logits of all tokens are negative infinity.");
    }

    private int DrawFromAll(ReadOnlySpan<float> scores, float greatest, double uniform)
    {
        Span<double> weights = _buffers.Weights.AsSpan(0, scores.Length);
        double total = Weigh(scores, greatest, weights);
        return Draw(weights, total, uniform);
    }

    private int DrawFiltered(ReadOnlySpan<float> scores, float greatest, double uniform)
    {
        // Candidates are ordered by one number each, so that sorting them is fast and has no ties.
        Span<ulong> candidates;
        double total;
        if (LimitsCount(scores.Length))
        {
            candidates = TakeTop(scores, _options.TopK);
            total = 0;
            foreach (ulong candidate in candidates)
            {
                total += Weight(scores[Id(candidate)], greatest);
            }
        }
        else
        {
            Span<double> weights = _buffers.Weights.AsSpan(0, scores.Length);
            total = Weigh(scores, greatest, weights);
            candidates = TakeLikely(scores, weights, total);
        }

        // From here every filter keeps a beginning of the sorted candidates.
        double enough = _options.TopP < 1 ? _options.TopP * total : double.PositiveInfinity;
        double kept = 0;
        int count = 0;
        while (count < candidates.Length && (count == 0 || kept < enough))
        {
            double weight = Weight(scores[Id(candidates[count])], greatest);
            if (weight < _options.MinP)
            {
                break;
            }

            _buffers.Weights[count++] = weight;
            kept += weight;
        }

        return Id(candidates[Draw(_buffers.Weights.AsSpan(0, count), kept, uniform)]);
    }

    /// <summary>The k best tokens, best first, by sorting never more than 2k at a time.</summary>
    private Span<ulong> TakeTop(ReadOnlySpan<float> scores, int k)
    {
        int capacity = (int)Math.Min(2L * k, scores.Length);
        Span<ulong> buffer = _buffers.Candidates.AsSpan(0, capacity);
        ulong limit = ulong.MaxValue;
        int count = 0;
        for (int id = 0; id < scores.Length; id++)
        {
            ulong candidate = Candidate(scores[id], id);
            if (candidate >= limit)
            {
                continue;
            }

            if (count == capacity)
            {
                buffer.Sort();
                count = k;
                limit = buffer[k - 1];
                if (candidate >= limit)
                {
                    continue;
                }
            }

            buffer[count++] = candidate;
        }

        buffer = buffer[..count];
        buffer.Sort();
        return buffer[..Math.Min(k, count)];
    }

    /// <summary>The tokens that top-p or min-p can keep, best first.</summary>
    private Span<ulong> TakeLikely(ReadOnlySpan<float> scores, ReadOnlySpan<double> weights, double total)
    {
        // All tokens below this together weigh at most (1 - p) / 2 of the total, so top-p reaches p without them. No token
        // weighs more than 1 and the best does, so the best is always above it.
        double unlikely = 0.5 * (1 - _options.TopP) * total / scores.Length;
        double least = Math.Max(unlikely, _options.MinP);
        int count = 0;
        for (int id = 0; id < weights.Length; id++)
        {
            if (weights[id] >= least)
            {
                _buffers.Candidates[count++] = Candidate(scores[id], id);
            }
        }

        Span<ulong> candidates = _buffers.Candidates.AsSpan(0, count);
        candidates.Sort();
        return candidates;
    }

    private double Weigh(ReadOnlySpan<float> scores, float greatest, Span<double> weights)
    {
        double total = 0;
        for (int id = 0; id < scores.Length; id++)
        {
            double weight = Weight(scores[id], greatest);
            weights[id] = weight;
            total += weight;
        }

        return total;
    }

    /// <summary>The probability relative to the most likely token's, in [0, 1].</summary>
    private double Weight(float score, float greatest) => Math.Exp(((double)score - greatest) / _options.Temperature);

    /// <summary>The index drawn by a uniform number in [0, 1); never one of weight 0.</summary>
    internal static int Draw(ReadOnlySpan<double> weights, double total, double uniform)
    {
        // The total was added up in this order, and the target is below it, so the loop ends before the weights do.
        double target = uniform * total;
        double sum = weights[0];
        int index = 0;
        while (sum <= target)
        {
            sum += weights[++index];
        }

        return index;
    }

    /// <summary>A number that is smaller for a greater score and, of equal scores, for the smaller id.</summary>
    private static ulong Candidate(float score, int id)
    {
        // Adding 0 makes -0 and 0 one number. Flipping the sign bit, or all bits of a negative number, sorts floats as integers.
        uint bits = BitConverter.SingleToUInt32Bits(score + 0f);
        uint ascending = (bits & 0x8000_0000) == 0 ? bits | 0x8000_0000 : ~bits;
        return ((ulong)~ascending << 32) | (uint)id;
    }

    private static int Id(ulong candidate) => (int)(uint)candidate;
}
