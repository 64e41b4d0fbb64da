using System.Text.Json;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Fixtures;

public sealed class FixtureFileTests
{
    [Theory]
    [InlineData("tiny-gpt2-bias-tanh")]
    [InlineData("tiny-gpt2-nobias-exact")]
    public void Open_reads_logits_and_targets_that_give_the_stored_loss(string name)
    {
        FixtureFile fixture = FixtureFile.Open(name);
        float[] logits = fixture.Floats("output/logits");
        int[] targets = fixture.Ints("input/targets");
        int ignoreIndex = fixture.Description.GetProperty("ignore_index").GetInt32();
        int vocabularySize = fixture.Description.GetProperty("config").GetProperty("vocab_size").GetInt32();

        double sum = 0;
        int counted = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            if (targets[i] != ignoreIndex)
            {
                ReadOnlySpan<float> row = logits.AsSpan(i * vocabularySize, vocabularySize);
                double total = 0;
                foreach (float logit in row)
                {
                    total += Math.Exp(logit);
                }

                sum += Math.Log(total) - row[targets[i]];
                counted++;
            }
        }

        fixture.Shape("output/logits").ShouldBe([3, 19, 67]);
        counted.ShouldBe((3 * 19) - 9);
        double loss = fixture.Description.GetProperty("loss").GetDouble();
        (sum / counted).ShouldBe(loss, 1e-6);
        fixture.Shape("output/loss").ShouldBeEmpty();
        fixture.Floats("output/loss").ShouldBe([(float)loss]);
    }

    [Theory]
    [InlineData("tiny-gpt2-bias-tanh", 28)]
    [InlineData("tiny-gpt2-nobias-exact", 15)]
    public void Every_weight_has_a_gradient_and_a_trained_twin_of_its_shape(string name, int weightCount)
    {
        FixtureFile fixture = FixtureFile.Open(name);
        string[] weights = [.. fixture.Names.Where(tensor => tensor.StartsWith("weights/", StringComparison.Ordinal))];

        weights.Length.ShouldBe(weightCount);
        foreach (string weight in weights)
        {
            string bare = weight["weights/".Length..];
            long[] shape = fixture.Shape(weight);
            fixture.Floats(weight).Length.ShouldBe((int)shape.Aggregate(1L, (product, size) => product * size));
            fixture.Shape($"grad/{bare}").ShouldBe(shape);
            fixture.Shape($"after/{bare}").ShouldBe(shape);
        }
    }

    [Fact]
    public void Stored_losses_are_those_of_the_description()
    {
        FixtureFile fixture = FixtureFile.Open("tiny-gpt2-bias-tanh");
        JsonElement losses = fixture.Description.GetProperty("losses");

        fixture.Floats("train/losses").ShouldBe(losses.EnumerateArray().Select(loss => (float)loss.GetDouble()));
    }

    [Fact]
    public void Reading_a_tensor_as_another_type_or_by_an_unknown_name_says_so()
    {
        FixtureFile fixture = FixtureFile.Open("ops");

        Should.Throw<ArgumentException>(() => fixture.Floats("cross_entropy/targets")).Message.ShouldContain("is I32, not F32");
        Should.Throw<ArgumentException>(() => fixture.Ints("relu/x")).Message.ShouldContain("is F32, not I32");
        Should.Throw<ArgumentException>(() => fixture.Floats("relu/z")).Message.ShouldStartWith("The fixture has no tensor 'relu/z'");
    }
}
