using System.Globalization;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Verification;

/// <summary>Fine-tunes a model on one batch and compares each step's loss.</summary>
internal static class TrainingChecks
{
    /// <summary>Changes the model's weights.</summary>
    public static void Run(Gpt2Model model, TrainingReference reference, WorkerPool pool, Action<VerificationCheck> accept, CancellationToken cancellation)
    {
        const string Group = "training";
        using AdamW optimizer = new(model.Parameters, new AdamWOptions
        {
            Beta1 = reference.Beta1,
            Beta2 = reference.Beta2,
            Epsilon = reference.Epsilon,
            WeightDecay = reference.WeightDecay,
            GradientClip = 0,
        });
        using Tape tape = new(pool, recording: true);
        for (int step = 0; step < reference.Losses.Length; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            model.Parameters.ForgetGradients();
            tape.Begin();
            Tensor logits = model.Forward(tape, reference.Ids.AsSpan(0, reference.Ids.Length - 1), reference.BatchSize);
            if (step == 0)
            {
                float first = logits.Values[0];
                accept(VerificationCheck.Within(
                    Group, "first logit", Math.Abs((double)first - reference.FirstLogit), ModelVerifier.TrainingTolerance,
                    string.Create(CultureInfo.InvariantCulture, $"{first:F5}, published {reference.FirstLogit:F5}")));
            }

            Tensor loss = CrossEntropyOp.Forward(tape, logits, reference.Ids.AsSpan(1));
            double value = loss.Values[0];
            accept(VerificationCheck.Within(
                Group, $"loss before step {step + 1}", Math.Abs(value - reference.Losses[step]), ModelVerifier.TrainingTolerance,
                string.Create(CultureInfo.InvariantCulture, $"{value:F6}, published {reference.Losses[step]:F6}")));
            if (step < reference.Losses.Length - 1)
            {
                tape.Backward(loss);
                optimizer.Update(reference.LearningRate, optimizer.GradientNorm(pool), pool);
            }
        }
    }
}
