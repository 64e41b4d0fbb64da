using Quatrain.Models.Classification;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Classification;

public sealed class Gpt2ClassifierTests
{
    [Theory]
    [InlineData(Pooling.LastToken)]
    [InlineData(Pooling.Mean)]
    public void A_text_gets_the_same_bits_alone_and_beside_longer_ones_for_any_padding_and_number_of_threads(Pooling pooling)
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(pooling);
        using WorkerPool one = new(1);
        float[] alone = [.. TestClassifiers.Texts.SelectMany(text => TestClassifiers.Logits(classifier, one, 0, text))];

        foreach ((int threads, int padId) in new[] { (1, 0), (2, 7), (3, 28) })
        {
            using WorkerPool pool = new(threads);
            TestClassifiers.Logits(classifier, pool, padId, TestClassifiers.Texts).ShouldBe(alone, $"{threads} threads, padding {padId}");
        }
    }

    [Theory]
    [InlineData(Pooling.LastToken)]
    [InlineData(Pooling.Mean)]
    public void Scores_are_the_head_times_the_pooled_hidden_states(Pooling pooling)
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(pooling);
        using WorkerPool pool = new(1);
        int width = TestModels.Config.EmbeddingSize;
        List<float> expected = [];
        foreach (int[] text in TestClassifiers.Texts)
        {
            using Tape tape = new(pool, recording: false);
            tape.Begin();
            float[] hidden = classifier.Model.Hidden(tape, text, 1).Values.ToArray();
            IEnumerable<int> rows = pooling == Pooling.Mean ? Enumerable.Range(0, text.Length) : [text.Length - 1];
            double[] pooled = [.. Enumerable.Range(0, width).Select(c => rows.Average(row => (double)hidden[row * width + c]))];
            for (int k = 0; k < TestClassifiers.Classes; k++)
            {
                expected.Add((float)pooled.Select((value, c) => value * classifier.Head.Values[k * width + c]).Sum());
            }
        }

        Differences.Largest(TestClassifiers.Logits(classifier, pool), [.. expected]).ShouldBeLessThan(1e-4);
    }

    [Fact]
    public void The_last_position_of_padded_texts_is_the_last_token_of_texts_that_the_padding_belongs_to()
    {
        using Gpt2Classifier position = TestClassifiers.Random(Pooling.LastPosition), token = TestClassifiers.Random(Pooling.LastToken);
        using WorkerPool pool = new(2);
        int[][] padded = [.. TestClassifiers.Texts.Select(text => (int[])[.. text, .. Enumerable.Repeat(TestClassifiers.PadId, 21 - text.Length)])];

        float[] logits = TestClassifiers.Logits(position, pool, TestClassifiers.PadId, padded);

        logits.ShouldBe(TestClassifiers.Logits(token, pool, TestClassifiers.PadId, padded));
        logits.ShouldNotBe(TestClassifiers.Logits(token, pool));
    }

    [Fact]
    public void A_head_is_random_by_its_seed_alone()
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(Pooling.Mean), other = TestClassifiers.Random(Pooling.Mean);
        classifier.InitializeHead(3);
        float[] head = classifier.Head.Values.ToArray();
        other.InitializeHead(3);
        other.Head.Values.ToArray().ShouldBe(head);
        other.InitializeHead(4);
        other.Head.Values.ToArray().ShouldNotBe(head);

        Math.Sqrt(head.Average(weight => (double)weight * weight)).ShouldBe(0.02, 0.008);
    }

    [Fact]
    public void One_class_is_none()
    {
        using Quatrain.Models.Gpt2.Gpt2Model model = TestModels.Random(TestModels.Config);
        Should.Throw<ArgumentOutOfRangeException>(() => new Gpt2Classifier(model, 1, Pooling.Mean));
    }
}
