namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>A labelled text and what a classifier made of it.</summary>
/// <param name="Text">The text.</param>
/// <param name="Label">The index of its true class.</param>
/// <param name="Logits">One finite logit a class, before any temperature.</param>
public sealed record ScoredExample(string Text, int Label, float[] Logits)
{
    /// <summary>Throws unless every example has one finite logit for each of <paramref name="classCount"/> classes and a label among them.</summary>
    /// <exception cref="ArgumentException">An example has another number of logits, or a label that is no class.</exception>
    /// <exception cref="InvalidDataException">A logit is not a number, so the classifier is broken.</exception>
    internal static void RequireValid(IReadOnlyList<ScoredExample> examples, int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        foreach (ScoredExample example in examples)
        {
            if (example.Logits.Length != classCount || (uint)example.Label >= (uint)classCount)
            {
                throw new ArgumentException(
                    $"An example of class {example.Label} with {example.Logits.Length} logits does not fit {classCount} classes.", nameof(examples));
            }

            if (!Array.TrueForAll(example.Logits, float.IsFinite))
            {
                throw new InvalidDataException(
                    "The classifier's scores are not finite numbers: its weights are broken; train again with a lower learning rate.");
            }
        }
    }
}
