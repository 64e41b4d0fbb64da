using Quatrain.Training.FineTuning.Baselines;

namespace Quatrain.Training.Tests.FineTuning.Baselines;

public class TfIdfFeaturesTests
{
    [Theory]
    [InlineData("", 0)]
    [InlineData(" \t\n", 0)]
    // " a ": " a", "a ", " a ".
    [InlineData("a", 3)]
    // " ab ": 3 of 2, 2 of 3, 1 of 4.
    [InlineData("  AB\n", 6)]
    [InlineData("ab ab", 12)]
    // " abcd ": 5 of 2, 4 of 3, 3 of 4, 2 of 5.
    [InlineData("abcd", 14)]
    public void Words_are_cut_into_n_grams_of_two_to_five_with_the_spaces_around_them(string text, int count)
    {
        List<int> buckets = Buckets(text);

        buckets.Count.ShouldBe(count);
        buckets.ShouldAllBe(bucket => bucket >= 0 && bucket < CharacterNgrams.BucketCount);
    }

    [Fact]
    public void The_same_n_gram_lies_in_the_same_bucket_wherever_it_comes()
    {
        Buckets("ab ab").Distinct().Count().ShouldBe(6);
        Buckets("Ab").ShouldBe(Buckets("aB"));
        Buckets("abx").Intersect(Buckets("aby")).Count().ShouldBe(3);
    }

    [Fact]
    public void A_word_longer_than_any_is_cut() => Buckets(new string('x', 1_000_000)).Count.ShouldBeLessThan(5_000_000);

    [Fact]
    public void Rows_have_length_one_and_rare_n_grams_weigh_more()
    {
        TfIdfFeatures features = new(["a b", "a c", "a d"], maxFeatures: 1000);
        SparseRows rows = features.Rows(["a b", "z", "a a b"]);

        features.Count.ShouldBe(12);
        float[] values = rows.Values(0).ToArray();
        values.Sum(value => (double)value * value).ShouldBe(1, 1e-6);
        // idf: 1 + ln(4 / 4) for those of "a", 1 + ln(4 / 2) for those of "b".
        float[] sorted = [.. values.Order()];
        (sorted[3] / sorted[2]).ShouldBe((float)(1 + Math.Log(2)), 1e-5f);
        rows.Columns(1).Length.ShouldBe(0);
        float[] twice = [.. rows.Values(2).ToArray().Order()];
        (twice[0] / twice[3]).ShouldBe((float)((1 + Math.Log(2)) / (1 + Math.Log(2))), 1e-5f);
    }

    [Fact]
    public void Of_too_many_n_grams_the_most_common_are_kept()
    {
        TfIdfFeatures features = new(["a b", "a c", "a d"], maxFeatures: 3);

        features.Count.ShouldBe(3);
        features.Rows(["a b"]).Columns(0).ToArray().ShouldBe([0, 1, 2]);
        features.Rows(["b"]).Columns(0).Length.ShouldBe(0);
    }

    private static List<int> Buckets(string text)
    {
        List<int> buckets = [];
        CharacterNgrams.AddTo(buckets, text);
        return buckets;
    }
}
