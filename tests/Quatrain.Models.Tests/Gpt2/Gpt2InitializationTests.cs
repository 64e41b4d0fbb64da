using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2InitializationTests
{
    private static readonly Gpt2Config Config = new()
    {
        LayerCount = 3,
        HeadCount = 4,
        EmbeddingSize = 64,
        ContextLength = 96,
        VocabularySize = 97,
        TieEmbeddings = false,
    };

    [Theory]
    [InlineData(InitializationScheme.NanoGpt)]
    [InlineData(InitializationScheme.Gpt2)]
    public void Matrices_have_the_schemes_deviation_and_no_mean(InitializationScheme scheme)
    {
        using Gpt2Model model = Initialized(scheme, seed: 3);
        foreach (Parameter parameter in model.Parameters.Parameters.Where(parameter => parameter.IsMatrix))
        {
            double deviation = (scheme, parameter.Name) switch
            {
                (InitializationScheme.Gpt2, "wpe.weight") => 0.01,
                (InitializationScheme.NanoGpt, string name) when name.EndsWith("c_proj.weight", StringComparison.Ordinal) => 0.02 / Math.Sqrt(6),
                _ => 0.02,
            };
            float[] values = parameter.Tensor.Values.ToArray();
            double mean = values.Average(value => (double)value);
            double fourth = values.Average(value => Math.Pow(value / deviation, 4));

            // Four standard errors of each estimate; the fourth moment of a normal distribution is 3 and its estimate's variance 96 / n.
            mean.ShouldBe(0, 4 * deviation / Math.Sqrt(values.Length), parameter.Name);
            Math.Sqrt(values.Average(value => (double)value * value)).ShouldBe(deviation, 4 * deviation / Math.Sqrt(2.0 * values.Length), parameter.Name);
            fourth.ShouldBe(3, 4 * Math.Sqrt(96.0 / values.Length), parameter.Name);
        }
    }

    [Theory]
    [InlineData(InitializationScheme.NanoGpt)]
    [InlineData(InitializationScheme.Gpt2)]
    public void Biases_are_zero_and_the_norms_scales_one(InitializationScheme scheme)
    {
        // Over a model that has other values, as when one is begun anew.
        using Gpt2Model model = TestModels.Random(Config);

        Gpt2Initialization.Initialize(model, scheme, seed: 1);

        foreach (Parameter parameter in model.Parameters.Parameters.Where(parameter => !parameter.IsMatrix))
        {
            float expected = parameter.Name.EndsWith(".weight", StringComparison.Ordinal) ? 1 : 0;
            parameter.Tensor.Values.ToArray().ShouldAllBe(value => value == expected, parameter.Name);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights_and_another_seed_others()
    {
        using Gpt2Model first = Initialized(InitializationScheme.NanoGpt, seed: 3);
        using Gpt2Model again = Initialized(InitializationScheme.NanoGpt, seed: 3);
        using Gpt2Model other = Initialized(InitializationScheme.NanoGpt, seed: 4);
        foreach (Parameter parameter in first.Parameters.Parameters)
        {
            ReadOnlySpan<float> values = parameter.Tensor.Values;

            values.SequenceEqual(again.Parameters[parameter.Name].Tensor.Values).ShouldBeTrue(parameter.Name);
            values.SequenceEqual(other.Parameters[parameter.Name].Tensor.Values).ShouldBe(!parameter.IsMatrix, parameter.Name);
        }
    }

    [Fact]
    public void The_weights_are_these_on_every_machine()
    {
        using Gpt2Model model = Initialized(InitializationScheme.NanoGpt, seed: 1337);

        // The first two weights and the last; an independent program gives the same.
        Pinned("wte.weight").ShouldBe([-0.02360468f, -0.014033927f, -0.014586598f]);
        Pinned("h.1.attn.c_attn.weight").ShouldBe([-0.036138333f, -0.00569333f, 0.0076614614f]);
        Pinned("h.2.mlp.c_proj.weight").ShouldBe([-0.004111606f, -0.0011733964f, 0.00033896902f]);

        float[] Pinned(string name)
        {
            Span<float> values = model.Parameters[name].Tensor.Values;
            return [values[0], values[1], values[^1]];
        }
    }

    [Fact]
    public void A_wider_matrix_does_not_shift_the_weights_of_the_next()
    {
        using Gpt2Model narrow = Initialized(InitializationScheme.NanoGpt, seed: 3);
        using Gpt2Model wide = new(Config with { VocabularySize = 131 });
        Gpt2Initialization.Initialize(wide, InitializationScheme.NanoGpt, seed: 3);

        wide.Parameters["h.0.attn.c_attn.weight"].Tensor.Values.SequenceEqual(narrow.Parameters["h.0.attn.c_attn.weight"].Tensor.Values).ShouldBeTrue();
    }

    [Theory]
    [InlineData(InitializationScheme.NanoGpt, true)]
    [InlineData(InitializationScheme.NanoGpt, false)]
    [InlineData(InitializationScheme.Gpt2, true)]
    [InlineData(InitializationScheme.Gpt2, false)]
    public void The_first_loss_is_near_that_of_a_guess(InitializationScheme scheme, bool tied)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = new(Config with { TieEmbeddings = tied });
        Gpt2Initialization.Initialize(model, scheme, seed: 5);
        using Tape tape = new(pool, recording: false);

        tape.Begin();
        Tensor logits = model.Forward(tape, TestModels.Tokens(8 * 96, 97, seed: 8), 8);
        float loss = CrossEntropyOp.Forward(tape, logits, TestModels.Tokens(8 * 96, 97, seed: 9)).Values[0];

        loss.ShouldBe((float)Math.Log(97), 0.03f);
    }

    private static Gpt2Model Initialized(InitializationScheme scheme, ulong seed)
    {
        Gpt2Model model = new(Config);
        Gpt2Initialization.Initialize(model, scheme, seed);
        return model;
    }
}
