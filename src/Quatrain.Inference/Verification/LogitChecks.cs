using System.Globalization;
using Quatrain.Models;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Verification;

/// <summary>Checks of a model's logits.</summary>
internal sealed class LogitChecks(Gpt2Model model, WorkerPool pool)
{
    private const string Group = "logits";
    private const int CachedTokens = 8;

    /// <summary>The published largest logits: each is right, and no other token's comes among them.</summary>
    public VerificationCheck Largest(LogitsReference reference)
    {
        float[] logits = After(reference.Ids);
        double error = 0;
        HashSet<int> known = [];
        foreach ((int id, float logit) in reference.Top)
        {
            known.Add(id);
            error = Math.Max(error, Math.Abs((double)logits[id] - logit));
        }

        double smallest = reference.Top.Min(entry => entry.Logit);
        for (int id = 0; id < logits.Length; id++)
        {
            if (!known.Contains(id))
            {
                error = Math.Max(error, logits[id] - smallest);
            }
        }

        return VerificationCheck.Within(Group, reference.Name, error, ModelVerifier.LogitTolerance, $"the {reference.Top.Length} largest after {reference.Ids.Length} tokens");
    }

    /// <summary>All logits, against those of a golden file.</summary>
    public VerificationCheck All(LogitsReference reference, ITensorFile golden)
    {
        string name = $"{reference.Name}.logits_last";
        float[] logits = After(reference.Ids), expected = new float[logits.Length];
        if (!golden.TryGet(name, out TensorEntry? entry) || entry.ElementCount != expected.Length)
        {
            throw new InvalidDataException($"'{golden.Path}' has no {name} of {expected.Length} logits; use the golden file that belongs to the model.");
        }

        golden.ReadFiniteFloats(entry, expected);
        double error = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            error = Math.Max(error, Math.Abs((double)logits[id] - expected[id]));
        }

        return VerificationCheck.Within(
            Group, reference.Name, error, ModelVerifier.LogitTolerance, string.Create(CultureInfo.InvariantCulture, $"all {logits.Length:N0} after {reference.Ids.Length} tokens"));
    }

    /// <summary>Logits are numbers, and reading a token at a time with a cache gives the same bits as reading all at once.</summary>
    public VerificationCheck Cached()
    {
        int[] ids = [.. Enumerable.Range(0, Math.Min(CachedTokens, model.ContextLength)).Select(i => i % model.VocabularySize)];
        float[] expected = After(ids);
        using Tape tape = new(pool, recording: false);
        using KvCache cache = model.NewCache(1, ids.Length);
        bool same = true;
        for (int i = 0; i < ids.Length; i++)
        {
            tape.Begin();
            Tensor logits = model.ForwardLast(tape, ids.AsSpan(i, 1), 1, cache);
            same = i < ids.Length - 1 || logits.Values.SequenceEqual(expected);
        }

        bool finite = expected.All(float.IsFinite);
        return new VerificationCheck(
            Group, "with and without a cache", finite && same, !finite ? "not all are numbers" : same ? "numbers, and the same bits" : "not the same bits");
    }

    private float[] After(int[] ids)
    {
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        return model.ForwardLast(tape, ids, 1).Values.ToArray();
    }
}
