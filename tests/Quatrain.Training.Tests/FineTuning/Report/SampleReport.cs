using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;

namespace Quatrain.Training.Tests.FineTuning.Report;

/// <summary>Reports of classifiers that never were.</summary>
internal static class SampleReport
{
    /// <summary>A text that is markup, script, attribute, direction override and broken characters at once.</summary>
    public const string HostileText = "</td></table><script>alert(\"1\")</script><img src=x onerror='alert(2)'>&lt; WIN £1000 ☎ 😀 \u202Egnp.exe\u0000\u001B[31m \uD800 end";

    /// <summary>A spam filter with a baseline and everything else a report may hold.</summary>
    public static ClassifierReport Spam(double? maxFalsePositiveRate = 0.01, int validationCount = 557, int testCount = 1115)
    {
        string[] labels = ["ham", "spam"];
        ScoredExample[] validation = Examples(validationCount, 1, separation: 9, sharpness: 1.8), test = Examples(testCount, 2, separation: 9, sharpness: 1.8);
        ScoredExample[] baselineValidation = Examples(validationCount, 1, separation: 6.5, sharpness: 0.8), baselineTest = Examples(testCount, 2, separation: 6.5, sharpness: 0.8);
        return new ClassifierReport
        {
            Title = "Spam or ham? A classifier of SMS texts",
            Model = "GPT-2 small: 12 layers of 768, 124 million parameters",
            Trained = "The last layer, the final layer norm and a new head: 7.1 million parameters",
            Options = [new("epochs", "4"), new("batch-size", "8"), new("learning-rate", "5e-05"), new("seed", "42"), new("max-false-positive-rate", "0.01")],
            Data = new DataSummary(
                "SMSSpamCollection.tsv", "text", "label",
                [new("training", [3378, 523]), new("validation", [483, 74]), new("test", [965, 150])], EmptyTexts: 2, TruncatedTexts: 3, DuplicatesAcrossParts: 41),
            Training = new TrainingSummary(
                [.. Enumerable.Range(0, 17).Select(i => new CurvePoint(
                    i / 4.0, i * 975, i == 0 ? null : 0.02 + 0.5 * Math.Exp(-i / 2.5), 0.045 + 0.6 * Math.Exp(-i / 2.2) + 0.002 * i, 0.985 - 0.4 * Math.Exp(-i / 1.5)))],
                BestEpoch: 2.5, Seconds: 184.2, ExamplesPerSecond: 97.3, new PrefixCacheSummary(734_003_200, 61.4, 8.3)),
            Evaluation = ClassifierEvaluation.Compute(validation, test, labels, positiveClass: 1, maxFalsePositiveRate),
            Baseline = new BaselineSummary(
                "Logistic regression on character n-grams", 2.4, ClassifierEvaluation.Compute(baselineValidation, baselineTest, labels, 1, maxFalsePositiveRate)),
        };
    }

    /// <summary>Three classes that count alike, with names as hostile as the texts, and nothing optional.</summary>
    public static ClassifierReport Topics(int count = 90)
    {
        string[] labels = ["sport & <b>leisure</b>", "politics", "\"><script>alert(3)</script>"];
        ScoredExample[] examples =
        [
            .. Examples(count, 3, separation: 3, sharpness: 1)
                .Select((example, i) => example with { Label = i % 3, Logits = [example.Logits[0] * 0.2f, i % 3 == 1 ? 2 : 0, i % 3 == 2 ? 2.5f - i % 7 : 0] }),
        ];
        return new ClassifierReport
        {
            Title = HostileText,
            Model = HostileText,
            Trained = HostileText,
            Options = [new(HostileText, HostileText)],
            Data = new DataSummary(HostileText, HostileText, HostileText, [new("training", [30, 30, 30]), new("validation", [10, 10, 10]), new("test", [30, 30, 30])]),
            Training = new TrainingSummary([], null, 0, 0),
            Evaluation = ClassifierEvaluation.Compute(examples, examples, labels),
        };
    }

    /// <summary>Texts of two classes, about one in seven of the second, with noisy logits.</summary>
    public static ScoredExample[] Examples(int count, int seed, double separation, double sharpness)
    {
        Random random = new(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                int label = random.Next(7) == 0 ? 1 : 0;
                double noise = random.NextDouble() + random.NextDouble() + random.NextDouble() + random.NextDouble() + random.NextDouble() + random.NextDouble() - 3;
                double score = sharpness * (separation * (label - 0.5) + 2.6 * noise);
                string text = label == 1 ? $"URGENT! You won £{random.Next(100, 999)}. Call 0900{random.Next(1000, 9999)} now" : $"ok, see you at {random.Next(1, 12)} then? Bring number {random.Next(1000)}";
                return new ScoredExample(i % 10 == 0 ? HostileText : text, label, [(float)(-score / 2), (float)(score / 2)]);
            }),
        ];
    }
}
