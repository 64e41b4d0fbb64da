using FsCheck;
using FsCheck.Fluent;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

/// <summary>Examples made by hand or by chance.</summary>
internal static class ExampleSets
{
    /// <summary>Examples of two classes: the log-odds of class 1, and the label.</summary>
    public static ScoredExample[] Binary(params (float LogOdds, int Label)[] examples) =>
        [.. examples.Select((example, i) => new ScoredExample($"text {i}", example.Label, [0, example.LogOdds]))];

    /// <summary>Up to 40 examples of <paramref name="classCount"/> classes; logits are few, so that ties abound.</summary>
    public static Arbitrary<ScoredExample[]> Any(int classCount)
    {
        Gen<ScoredExample> example =
            from label in Gen.Choose(0, classCount - 1)
            from quarters in Gen.Choose(-12, 12).ArrayOf(classCount)
            select new ScoredExample("text", label, [.. quarters.Select(quarter => quarter / 4f)]);
        return (from count in Gen.Choose(0, 40) from examples in example.ArrayOf(count) select examples).ToArbitrary();
    }
}
