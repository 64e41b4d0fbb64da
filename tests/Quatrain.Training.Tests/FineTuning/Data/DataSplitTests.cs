using Quatrain.Tests;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Training.Tests.FineTuning.Data;

public class DataSplitTests
{
    [Fact]
    public void Every_class_has_its_share_of_every_part()
    {
        DataSplit split = DataSplit.Stratified(Texts(("a", 10), ("b", 200), ("c", 31)), seed: 1);

        split.Labels.ShouldBe(["a", "b", "c"]);
        // 241 x 0.7 = 168.7, 241 x 0.1 = 24.1.
        split.TrainingCounts.ShouldBe([7, 140, 21]);
        split.ValidationCounts.ShouldBe([1, 20, 3]);
        split.TestCounts.ShouldBe([2, 40, 7]);
    }

    [Fact]
    public void Each_text_lies_in_one_part_under_its_own_label()
    {
        DataSplit split = DataSplit.Stratified(Texts(("a", 13), ("b", 57)), seed: 1);

        (string Text, int Label)[] all = [.. split.Training, .. split.Validation, .. split.Test];
        all.Select(example => example.Text).Order().ShouldBe(Texts(("a", 13), ("b", 57)).Examples.Select(example => example.Text).Order());
        all.ShouldAllBe(example => example.Text[0] == "ab"[example.Label]);
        split.Training.Count(example => example.Label == 0).ShouldBe(split.TrainingCounts[0]);
        split.DuplicatesAcrossParts.ShouldBe(0);
    }

    [Fact]
    public void The_seed_decides()
    {
        LabeledTexts texts = Texts(("a", 50), ("b", 70));

        foreach (bool balance in new[] { false, true })
        {
            DataSplit split = DataSplit.Stratified(texts, seed: 5, balance: balance);
            DataSplit again = DataSplit.Stratified(texts, seed: 5, balance: balance);
            again.Training.ShouldBe(split.Training);
            again.Validation.ShouldBe(split.Validation);
            again.Test.ShouldBe(split.Test);
            DataSplit.Stratified(texts, seed: 6, balance: balance).Test.ShouldNotBe(split.Test);
        }
    }

    [Fact]
    public void Balanced_each_class_has_as_many_examples_as_the_smallest_drawn_by_the_seed()
    {
        LabeledTexts texts = Texts(("a", 400), ("b", 20), ("c", 21));

        DataSplit split = DataSplit.Stratified(texts, seed: 1, balance: true);

        split.TrainingCounts.ShouldBe([14, 14, 14]);
        split.ValidationCounts.ShouldBe([2, 2, 2]);
        split.TestCounts.ShouldBe([4, 4, 4]);
        int[] places = [.. split.Training.Where(example => example.Label == 0).Select(example => int.Parse(example.Text[1..], System.Globalization.CultureInfo.InvariantCulture))];
        places.Max().ShouldBeGreaterThan(100);
        places.ShouldBe(places.Order());
    }

    [Theory]
    [InlineData(0.5, 0.25, 4)]
    [InlineData(0.34, 0.33, 4)]
    [InlineData(0.6, 0.2, 5)]
    [InlineData(0.7, 0.1, 10)]
    [InlineData(0.29, 0.01, 100)]
    public void No_part_lacks_a_class_whatever_the_counts(double training, double validation, int needed)
    {
        for (int first = needed; first < needed + 30; first++)
        {
            for (int second = needed; second < needed + 30; second += 3)
            {
                DataSplit split = DataSplit.Stratified(Texts(("a", first), ("b", second), ("c", needed)), 1, training, validation);

                split.TrainingCounts.Concat(split.ValidationCounts).Concat(split.TestCounts).ShouldAllBe(count => count > 0);
                int total = first + second + needed;
                split.Training.Count.ShouldBeInRange((int)(training * total) - 1, (int)(training * total + 1e-9));
                (split.Training.Count + split.Validation.Count + split.Test.Count).ShouldBe(total);
            }
        }
    }

    [Fact]
    public void Parts_without_a_share_are_empty()
    {
        DataSplit split = DataSplit.Stratified(Texts(("a", 2), ("b", 3)), 1, trainingShare: 1, validationShare: 0);

        (split.Training.Count, split.Validation.Count, split.Test.Count).ShouldBe((5, 0, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => DataSplit.Stratified(Texts(("a", 20), ("b", 30)), 1, 0.8, 0.3));
        Should.Throw<ArgumentOutOfRangeException>(() => DataSplit.Stratified(Texts(("a", 20), ("b", 30)), 1, double.NaN));
    }

    [Fact]
    public void A_class_too_small_for_every_part_is_refused() =>
        Should.Throw<InvalidDataException>(() => DataSplit.Stratified(Texts(("a", 100), ("b", 9)), 1)).Message
            .ShouldBe("Label 'b' has only 9 texts, but each needs 10 at least to be in every part; add texts of that label or take it out.");

    [Fact]
    public void Texts_in_more_than_one_part_are_counted_once_each()
    {
        LabeledTexts texts = new([
            .. Enumerable.Range(0, 40).Select(i => new LabeledText(i % 2 == 0 ? "same" : " same\n", "a", i)),
            .. Enumerable.Range(0, 40).Select(i => new LabeledText($"{i / 20}", "b", i)),
            .. Enumerable.Range(0, 40).Select(i => new LabeledText($"only {i}", "c", i)),
        ]);

        DataSplit.Stratified(texts, 1).DuplicatesAcrossParts.ShouldBe(3);
    }

    [Fact]
    public void Class_weights_have_a_mean_of_one_over_the_examples()
    {
        float[] weights = ClassWeights.Balanced([30, 10, 60]);

        weights.ShouldBe([100f / 90, 100f / 30, 100f / 180]);
        (30 * weights[0] + 10 * weights[1] + 60 * weights[2]).ShouldBe(100, 1e-4);
        Should.Throw<ArgumentException>(() => ClassWeights.Balanced([1, 0]));
    }

    [SharedDataFact("sms-spam/SMSSpamCollection.tsv")]
    public void The_balanced_sms_collection_has_747_of_each_and_the_books_sizes()
    {
        LabeledTexts texts = LabeledTextFile.Load(SharedData.Get("sms-spam/SMSSpamCollection.tsv"));

        DataSplit balanced = DataSplit.Stratified(texts, seed: 123, balance: true);
        (balanced.Training.Count, balanced.Validation.Count, balanced.Test.Count).ShouldBe((1045, 149, 300));
        (balanced.TrainingCounts[1] + balanced.ValidationCounts[1] + balanced.TestCounts[1]).ShouldBe(747);

        DataSplit whole = DataSplit.Stratified(texts, seed: 123);
        (whole.Training.Count, whole.Validation.Count, whole.Test.Count).ShouldBe((3901, 557, 1116));
        // The collection has many messages twice.
        whole.DuplicatesAcrossParts.ShouldBeGreaterThan(50);
    }

    private static LabeledTexts Texts(params (string Label, int Count)[] classes) =>
        new([.. classes.SelectMany(c => Enumerable.Range(0, c.Count).Select(i => new LabeledText($"{c.Label}{i}", c.Label, i + 1)))]);
}
