using Quatrain.Inference.Sampling;
using Quatrain.Tensors;
using Quatrain.Tests;

namespace Quatrain.Inference.Tests.Sampling;

public sealed class SamplerTests
{
    public static TheoryData<string, SamplingOptions> Filters => new()
    {
        { "none", new() { Temperature = 1 } },
        { "cold", new() { Temperature = 0.3 } },
        { "hot", new() { Temperature = 5 } },
        { "greedy", new() { Temperature = 0, TopK = 3, RepetitionPenalty = 1.5 } },
        { "top-k 1", new() { TopK = 1 } },
        { "top-k", new() { TopK = 7 } },
        { "top-k of more tokens than there are", new() { TopK = 1000 } },
        { "top-p", new() { TopP = 0.9 } },
        { "top-p small", new() { TopP = 0.2 } },
        { "top-p nearly 1", new() { TopP = 0.9999 } },
        { "top-p 0", new() { TopP = 0 } },
        { "min-p", new() { MinP = 0.05 } },
        { "min-p 1", new() { MinP = 1 } },
        { "repetition penalty", new() { RepetitionPenalty = 1.3 } },
        { "repetition reward", new() { RepetitionPenalty = 0.7 } },
        { "top-k and top-p", new() { TopK = 12, TopP = 0.8 } },
        { "top-k and min-p", new() { TopK = 12, MinP = 0.1 } },
        { "top-p and min-p", new() { TopP = 0.95, MinP = 0.1 } },
        { "all", new() { Temperature = 1.2, TopK = 20, TopP = 0.9, MinP = 0.02, RepetitionPenalty = 1.2 } },
        { "all, hot", new() { Temperature = 8, TopK = 30, TopP = 0.7, MinP = 0.5, RepetitionPenalty = 2 } },
    };

    [Theory]
    [MemberData(nameof(Filters))]
    public void Next_draws_what_the_definition_draws(string name, SamplingOptions options)
    {
        RandomSource cases = new(1);
        Sampler sampler = new(options, 99);
        RandomSource uniforms = new(99);
        for (int i = 0; i < 1500; i++)
        {
            float[] logits = RandomLogits(cases, i);
            int[] recent = [.. Enumerable.Range(0, cases.NextInt32(6)).Select(_ => cases.NextInt32(logits.Length))];
            double uniform = options.Temperature == 0 ? 0 : uniforms.NextDouble();

            int expected = ReferenceSampler.Draw(ReferenceSampler.Distribution(options, logits, recent), uniform);

            sampler.Next(logits, recent).ShouldBe(expected, $"{name}, case {i}");
        }
    }

    /// <summary>GPT-2's vocabulary, with scores about as far apart as a model's are; the best comes last once, and twice.</summary>
    [Fact]
    public void A_whole_vocabulary_is_drawn_from_as_the_definition_says()
    {
        RandomSource cases = new(3);
        for (int i = 0; i < 4; i++)
        {
            float[] logits = [.. Enumerable.Range(0, 50_257).Select(_ => (float)(3 * cases.NextNormal()))];
            logits[^1] = i == 0 ? 20 : logits[^1];
            (logits[40_000], logits[17]) = i == 1 ? (20, 20) : (logits[40_000], logits[17]);
            foreach (SamplingOptions options in (SamplingOptions[])[new() { TopP = 0.9 }, new() { TopP = 0.8, Temperature = 1, MinP = 0.001 }, new() { TopK = 40 }, new() { Temperature = 0 }])
            {
                double uniform = options.Temperature == 0 ? 0 : new RandomSource(7).NextDouble();
                int expected = ReferenceSampler.Draw(ReferenceSampler.Distribution(options, logits, []), uniform);

                new Sampler(options, 7).Next(logits, []).ShouldBe(expected, $"case {i}: {options}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void Draws_have_the_frequencies_of_the_definition(string name, SamplingOptions options)
    {
        const int Draws = 40_000;
        RandomSource cases = new(5);
        float[] logits = [.. Enumerable.Range(0, 40).Select(_ => (float)cases.NextNormal())];
        int[] recent = [3, 8, 3, 21];
        Sampler sampler = new(options, 2);
        int[] counts = new int[logits.Length];
        for (int i = 0; i < Draws; i++)
        {
            counts[sampler.Next(logits, recent)]++;
        }

        List<(int Id, double Probability)> expected = ReferenceSampler.Distribution(options, logits, recent);
        double chiSquare = expected.Sum(token => Math.Pow(counts[token.Id] - Draws * token.Probability, 2) / (Draws * token.Probability));

        counts.Sum().ShouldBe(expected.Sum(token => counts[token.Id]), $"{name}: a token was drawn that the filters drop");
        // Mean d and standard deviation sqrt(2d) for d degrees of freedom; four deviations above is about one in ten thousand.
        double degrees = expected.Count - 1;
        chiSquare.ShouldBeLessThanOrEqualTo(degrees + 4 * Math.Sqrt(2 * degrees), name);
    }

    [Fact]
    public void The_whole_GPT2_vocabulary_draws_what_the_definition_draws()
    {
        RandomSource cases = new(3);
        float[] peaked = [.. Enumerable.Range(0, 50_257).Select(_ => (float)(-90 + 6 * cases.NextNormal()))];
        float[] flat = [.. peaked.Select(logit => logit * 0.001f)];
        float[] rising = [.. peaked.Order()];
        SamplingOptions[] settings = [new() { TopK = 50 }, new() { TopK = 30_000 }, new() { TopP = 0.95 }, new() { MinP = 0.01 }];
        foreach (SamplingOptions options in settings)
        {
            foreach (float[] logits in new[] { peaked, flat, rising })
            {
                // The reference's own top-p takes quadratic time, so it is done here in one pass.
                List<(int Id, double Probability)> expected = ReferenceSampler.Distribution(options with { TopP = 1 }, logits, []);
                Sampler sampler = new(options, 11);
                RandomSource uniforms = new(11);
                if (options.TopP < 1)
                {
                    double sum = 0;
                    expected = [.. expected.OrderByDescending(token => token.Probability)];
                    int count = 1 + expected.FindIndex(token => (sum += token.Probability) >= options.TopP);
                    expected = [.. expected.Take(count).Select(token => (token.Id, token.Probability / sum))];
                }

                for (int i = 0; i < 10; i++)
                {
                    sampler.Next(logits, []).ShouldBe(ReferenceSampler.Draw(expected, uniforms.NextDouble()), $"{options}");
                }
            }
        }
    }

    [Fact]
    public void Temperature_0_takes_the_most_likely_token_and_the_lower_id_of_two()
    {
        Sampler sampler = new(new SamplingOptions { Temperature = 0 }, 1);

        sampler.Next([1, 5, 5, -2], []).ShouldBe(1);
        sampler.Next([-7, float.NegativeInfinity, -6.5f], []).ShouldBe(2);
        sampler.Next([-0f, 0f], []).ShouldBe(0);
        sampler.Next([float.NegativeInfinity, float.NegativeInfinity, -3e38f], []).ShouldBe(2);
    }

    [Theory]
    [InlineData(1, 1, 1.0, 0.0)]
    [InlineData(1, 0, 1e-9, 0.0)]
    [InlineData(1, 0, 0.0, 0.0)]
    [InlineData(1, 0, 1.0, 1.0)]
    [InlineData(1, 1, 0.0, 1.0)]
    [InlineData(1e-300, 0, 1.0, 0.0)]
    [InlineData(double.Epsilon, 0, 1.0, 0.0)]
    [InlineData(double.Epsilon, 2, 0.5, 0.5)]
    public void The_tightest_filters_leave_the_most_likely_token(double temperature, int topK, double topP, double minP)
    {
        Sampler sampler = new(new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP }, 4);

        Enumerable.Range(0, 100).Select(_ => sampler.Next([0.5f, 2, 1.999f, -3e38f, 3e-39f], [])).ShouldAllBe(id => id == 1);
    }

    [Fact]
    public void Equal_logits_are_cut_off_from_the_highest_id_down()
    {
        float[] logits = [0, 1, -0f, 1, 0, 1];

        Drawn(new SamplingOptions { TopK = 2 }, logits).ShouldBe([1, 3]);
        Drawn(new SamplingOptions { TopK = 4 }, logits).ShouldBe([0, 1, 3, 5]);
        Drawn(new SamplingOptions { TopK = 5 }, logits).ShouldBe([0, 1, 2, 3, 5]);
        Drawn(new SamplingOptions { TopP = 0.5 }, [2, 2, 2, 2]).ShouldBe([0, 1]);
        Drawn(new SamplingOptions { TopP = 0.51 }, [2, 2, 2, 2]).ShouldBe([0, 1, 2]);
        Drawn(new SamplingOptions { MinP = 1 }, logits).ShouldBe([1, 3, 5]);
    }

    [Fact]
    public void A_boundless_temperature_makes_all_tokens_alike_but_not_those_at_negative_infinity()
    {
        Drawn(new SamplingOptions { Temperature = double.MaxValue }, [-100, 100, float.NegativeInfinity, 0]).ShouldBe([0, 1, 3]);
        Drawn(new SamplingOptions { Temperature = double.MaxValue, TopK = 4, TopP = 0.999 }, [-100, 100, float.NegativeInfinity, 0])
            .ShouldBe([0, 1, 3]);
        Drawn(new SamplingOptions { TopK = 3 }, [float.NegativeInfinity, 1, float.NegativeInfinity, 1]).ShouldBe([1, 3]);
    }

    [Fact]
    public void The_repetition_penalty_holds_once_a_token_and_pushes_both_signs_down()
    {
        SamplingOptions options = new() { Temperature = 0, RepetitionPenalty = 2 };

        // 4 / 2 = 2 stays above 1.5; penalised twice it would not.
        new Sampler(options, 1).Next([4, 1.5f], [0, 0, 0]).ShouldBe(0);
        new Sampler(options, 1).Next([4, 2.5f], [0]).ShouldBe(1);
        new Sampler(options, 1).Next([-1, -1.5f], [0]).ShouldBe(1);
        new Sampler(options, 1).Next([-1, -1.5f], []).ShouldBe(0);
    }

    [Fact]
    public void The_same_seed_draws_the_same_tokens_and_another_seed_others()
    {
        float[] logits = new float[1000];
        int[] Draw(ulong seed)
        {
            Sampler sampler = new(new SamplingOptions(), seed);
            return [.. Enumerable.Range(0, 20).Select(_ => sampler.Next(logits, []))];
        }

        Draw(5).ShouldBe(Draw(5));
        Draw(5).ShouldNotBe(Draw(6));
    }

    [Fact]
    public void Every_draw_takes_one_random_number_whatever_the_logits_were()
    {
        float[] logits = new float[1000];
        Sampler one = new(new SamplingOptions { TopP = 0.9 }, 5);
        Sampler other = new(new SamplingOptions { TopP = 0.9 }, 5);
        one.Next([1], []);
        other.Next(new float[77], []);

        one.Next(logits, []).ShouldBe(other.Next(logits, []));
    }

    [Fact]
    public void The_least_and_greatest_random_number_never_draw_a_weight_of_0()
    {
        const double Greatest = 1 - 1.0 / (1L << 53);
        double[] thirds = [1.0 / 3, 1.0 / 3, 1.0 / 3, 0];

        Sampler.Draw([0, 0, 1, 1], 2, 0).ShouldBe(2);
        Sampler.Draw([0, 0, 1, 1], 2, 0.5).ShouldBe(3);
        Sampler.Draw([1, 0, 0], 1, Greatest).ShouldBe(0);
        Sampler.Draw(thirds, thirds.Sum(), Greatest).ShouldBe(2);
    }

    [Theory]
    [InlineData(float.NaN, "NaN (not a number) as the logit of token 1;")]
    [InlineData(float.PositiveInfinity, "infinity as the logit of token 1;")]
    public void A_logit_that_is_no_number_is_reported(float logit, string expected)
    {
        foreach (double temperature in new[] { 0, 1.0 })
        {
            Sampler sampler = new(new SamplingOptions { Temperature = temperature }, 1);
            Should.Throw<InvalidDataException>(() => sampler.Next([9, logit, 1], [])).Message.ShouldContain(expected);
            Should.Throw<InvalidDataException>(() => sampler.Next([float.NegativeInfinity, logit], [])).Message.ShouldContain(expected);
        }
    }

    [Fact]
    public void Logits_without_any_token_to_draw_are_reported()
    {
        Sampler sampler = new(new SamplingOptions(), 1);

        Should.Throw<InvalidDataException>(() => sampler.Next([float.NegativeInfinity, float.NegativeInfinity], []))
            .Message.ShouldContain("No token can be drawn");
        Should.Throw<ArgumentException>(() => sampler.Next([], []));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void A_recent_token_outside_the_vocabulary_is_refused(int token)
    {
        Sampler sampler = new(new SamplingOptions { RepetitionPenalty = 1.1 }, 1);

        Should.Throw<ArgumentOutOfRangeException>(() => sampler.Next([1, 2, 3], [token]));
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void Nothing_is_allocated_after_the_first_call(string name, SamplingOptions options)
    {
        RandomSource cases = new(8);
        float[] logits = [.. Enumerable.Range(0, 5000).Select(_ => (float)cases.NextNormal())];
        float[] fewer = logits[..100];
        int[] recent = [1, 2, 3, 2, 1];
        Sampler sampler = new(options, 1);
        sampler.Next(logits, recent);

        long allocated = Allocation.Least(() =>
        {
            for (int i = 0; i < 5; i++)
            {
                sampler.Next(logits, recent);
                sampler.Next(fewer, recent);
            }
        });

        allocated.ShouldBe(0, name);
    }

    private static float[] RandomLogits(RandomSource random, int index)
    {
        int size = 1 + random.NextInt32(60);
        double spread = index % 3 == 0 ? 0.1 : 3;
        bool hasTies = index % 4 == 0;
        float[] logits = new float[size];
        for (int id = 0; id < size; id++)
        {
            double logit = spread * random.NextNormal();
            logits[id] = (float)(hasTies ? Math.Round(logit) : logit);
            if (id > 0 && index % 5 == 0 && random.NextInt32(4) == 0)
            {
                logits[id] = float.NegativeInfinity;
            }
        }

        return logits;
    }

    private static int[] Drawn(SamplingOptions options, float[] logits)
    {
        Sampler sampler = new(options, 6);
        return [.. Enumerable.Range(0, 500).Select(_ => sampler.Next(logits, [])).Distinct().Order()];
    }
}
