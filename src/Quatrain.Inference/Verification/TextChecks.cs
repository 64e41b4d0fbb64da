using System.Globalization;
using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Verification;

/// <summary>Checks of what a model writes, and of how likely it thinks a text.</summary>
internal sealed class TextChecks(Gpt2Model model, WorkerPool pool)
{
    /// <summary>Greedy decoding writes the published tokens.</summary>
    public VerificationCheck Continuation(ContinuationReference reference)
    {
        using Tape tape = new(pool, recording: false);
        using KvCache cache = model.NewCache(1, reference.Ids.Length + reference.Expected.Length);
        int[] next = reference.Ids;
        for (int i = 0; i < reference.Expected.Length; i++)
        {
            tape.Begin();
            ReadOnlySpan<float> logits = model.ForwardLast(tape, next, 1, cache).Values;
            int id = Largest(logits), expected = reference.Expected[i];
            if (id != expected)
            {
                return new VerificationCheck(
                    "continuations", reference.Source, false,
                    string.Create(CultureInfo.InvariantCulture, $"token {i + 1} of {reference.Expected.Length} is {id}, not {expected}, whose logit is {logits[id] - logits[expected]:G3} smaller"));
            }

            next = [id];
        }

        return new VerificationCheck("continuations", reference.Source, true, $"{reference.Expected.Length} tokens after {reference.Ids.Length}");
    }

    /// <summary>The mean loss of a text is the published one.</summary>
    public VerificationCheck Loss(LossReference reference)
    {
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        Tensor logits = model.Forward(tape, reference.Ids.AsSpan(0, reference.Ids.Length - 1), 1);
        float[] losses = new float[reference.Ids.Length - 1];
        CrossEntropyOp.RowLosses(tape, logits, reference.Ids.AsSpan(1), losses);
        double loss = losses.Average(value => (double)value);
        return VerificationCheck.Within(
            "losses", reference.Source, Math.Abs(loss - reference.Loss), ModelVerifier.LossTolerance,
            string.Create(CultureInfo.InvariantCulture, $"{loss:F6}, published {reference.Loss:F6}"));
    }

    // Of equal logits the first. A NaN first would stay the largest, and the check fail.
    private static int Largest(ReadOnlySpan<float> logits)
    {
        int largest = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            largest = logits[i] > logits[largest] ? i : largest;
        }

        return largest;
    }
}
