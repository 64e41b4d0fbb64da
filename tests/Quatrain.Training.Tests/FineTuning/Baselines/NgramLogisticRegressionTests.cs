using Quatrain.Tensors;
using Quatrain.Tests;
using Quatrain.Training.FineTuning.Baselines;
using Quatrain.Training.FineTuning.Data;
using Xunit.Abstractions;

namespace Quatrain.Training.Tests.FineTuning.Baselines;

public class NgramLogisticRegressionTests(ITestOutputHelper output)
{
    private static readonly string[][] Words = [["red", "green", "blue"], ["north", "south", "west"], ["apple", "pear", "plum"]];

    [Fact]
    public void It_learns_what_words_tell()
    {
        NgramLogisticRegression model = NgramLogisticRegression.Train(Examples(60, seed: 1), Examples(30, seed: 2), classCount: 3);

        Accuracy(model, Examples(90, seed: 3)).ShouldBe(1);
        model.GradientSize.ShouldBeLessThanOrEqualTo(1e-8);
        model.TrainingTexts.ShouldBe(60);
        // Unknown n-grams leave what the biases say.
        model.Logits("").ShouldBe(model.Logits("ψψψ"));
    }

    [Fact]
    public void The_same_texts_give_the_same_model()
    {
        NgramLogisticRegression one = NgramLogisticRegression.Train(Examples(60, seed: 1), Examples(30, seed: 2), 3);
        NgramLogisticRegression other = NgramLogisticRegression.Train(Examples(60, seed: 1), Examples(30, seed: 2), 3);

        other.C.ShouldBe(one.C);
        other.Logits("a green plum").ShouldBe(one.Logits("a green plum"));
    }

    [Fact]
    public void Without_validation_texts_one_strength_is_taken() =>
        NgramLogisticRegression.Train(Examples(60, seed: 1), [], 3).C.ShouldBe(10);

    [Fact]
    public void It_can_be_ended_early() =>
        Should.Throw<OperationCanceledException>(() => NgramLogisticRegression.Train(Examples(60, seed: 1), [], 3, new CancellationToken(canceled: true)));

    [Fact]
    public void Of_very_many_texts_every_so_manyth_is_used()
    {
        (string, int)[] training = [.. Enumerable.Range(0, 10).Select(i => (new string('a', 10_000), i))];

        // A text counts as the 4,000 characters that are read of it.
        NgramLogisticRegression.Thinned(training, maxCharacters: 40_000).ShouldBe(training);
        NgramLogisticRegression.Thinned(training, maxCharacters: 39_999).Select(example => example.Label).ShouldBe([0, 2, 4, 6, 8]);
        NgramLogisticRegression.Thinned(training, maxCharacters: 16_000).Select(example => example.Label).ShouldBe([0, 3, 6, 9]);
    }

    [Fact]
    public void Impossible_arguments_are_refused()
    {
        Should.Throw<ArgumentException>(() => NgramLogisticRegression.Train([], [], 2));
        Should.Throw<ArgumentException>(() => NgramLogisticRegression.Train([("a", 2)], [], 2));
        Should.Throw<ArgumentException>(() => NgramLogisticRegression.Train([("a", 0)], [("a", -1)], 2));
        Should.Throw<ArgumentException>(() => NgramLogisticRegression.Train([("a", 0)], [], 1));
    }

    [SharedDataFact("sms-spam/SMSSpamCollection.tsv")]
    public void It_tells_spam_from_ham()
    {
        LabeledTexts texts = LabeledTextFile.Load(SharedData.Get("sms-spam/SMSSpamCollection.tsv"));
        DataSplit split = DataSplit.Stratified(texts, seed: 123, balance: true);

        NgramLogisticRegression model = NgramLogisticRegression.Train(split.Training, split.Validation, 2);

        double accuracy = Accuracy(model, split.Test);
        output.WriteLine($"accuracy {accuracy:F4}, C {model.C}, {model.FeatureCount} n-grams, {model.Iterations} steps");
        model.GradientSize.ShouldBeLessThanOrEqualTo(1e-8);
        accuracy.ShouldBeGreaterThan(0.95);
    }

    private static double Accuracy(NgramLogisticRegression model, IReadOnlyList<(string Text, int Label)> examples) =>
        examples.Average(example => Array.IndexOf(model.Logits(example.Text), model.Logits(example.Text).Max()) == example.Label ? 1.0 : 0);

    private static (string Text, int Label)[] Examples(int count, ulong seed)
    {
        RandomSource random = new(seed);
        return [.. Enumerable.Range(0, count).Select(i => ($"some {Words[i % 3][random.NextInt32(3)]} thing {random.NextInt32(100)}", i % 3))];
    }
}
