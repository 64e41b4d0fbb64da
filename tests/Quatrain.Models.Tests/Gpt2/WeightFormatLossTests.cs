using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Xunit.Abstractions;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>What bfloat16 and int8 weights cost a model that has learned something.</summary>
public sealed class WeightFormatLossTests(ITestOutputHelper output)
{
    private const int ContextLength = 32, BatchSize = 4;

    /// <summary>The model learns a language of its own: what follows a token is one of two, in a fixed ratio, so that there is a loss that no training takes away.</summary>
    [Fact]
    public void A_trained_models_loss_is_within_a_hundredth_of_float32s()
    {
        using WorkerPool pool = new(2);
        using Gpt2Model model = new(new Gpt2Config { LayerCount = 2, HeadCount = 2, EmbeddingSize = 64, ContextLength = ContextLength, VocabularySize = 47 });
        Train(model, pool);
        double whole = Loss(model, pool), entropy = -((0.75 * Math.Log(0.75)) + (0.25 * Math.Log(0.25)));
        whole.ShouldBeLessThan(1.3 * entropy, "the model was to learn the language");

        foreach (WeightFormat format in (ReadOnlySpan<WeightFormat>)[WeightFormat.BFloat16, WeightFormat.Int8])
        {
            using Gpt2Model other = model.WithWeights(format, pool);
            other.Parameters["h.0.mlp.c_fc.weight"].Tensor.Format.ShouldBe(format);
            double loss = Loss(other, pool);
            output.WriteLine($"float32 {whole:F5}, {format} {loss:F5}");
            loss.ShouldBe(whole, whole / 100);
            loss.ShouldNotBe(whole, "the weights were to be others");
        }

        using Gpt2Model same = model.WithWeights(WeightFormat.Float32, pool);
        Loss(same, pool).ShouldBe(whole);
    }

    [Fact]
    public void Refuses_numbers_that_the_format_has_not()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = new(TestModels.Config);
        model.Parameters["h.0.mlp.c_fc.weight"].Tensor.Values[0] = 1e30f;

        Should.Throw<InvalidDataException>(() => model.WithWeights(WeightFormat.Int8, pool)).Message.ShouldBe(
            "Cannot hold the model's weights as Int8: 'h.0.mlp.c_fc.weight' holds numbers too large for it; use float32 weights.");
        using Gpt2Model fits = model.WithWeights(WeightFormat.BFloat16, pool);
        Should.Throw<InvalidOperationException>(() => fits.WithWeights(WeightFormat.Int8, pool));
    }

    [Theory]
    [InlineData(WeightFormat.Float32)]
    [InlineData(WeightFormat.BFloat16)]
    [InlineData(WeightFormat.Int8)]
    public void The_bytes_worked_out_are_those_taken(WeightFormat format)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = new(TestModels.Config);
        using Gpt2Model converted = model.WithWeights(format, pool);

        // Each weight's memory is a whole number of floats.
        converted.Parameters.AttachedBytes.ShouldBeInRange(
            Gpt2Memory.WeightBytes(model.Config, format), Gpt2Memory.WeightBytes(model.Config, format) + (3 * model.Parameters.Parameters.Count));
    }

    private static void Train(Gpt2Model model, WorkerPool pool)
    {
        Gpt2Initialization.Initialize(model, InitializationScheme.NanoGpt, seed: 1);
        using AdamW optimizer = new(model.Parameters, new AdamWOptions());
        using Tape tape = new(pool, recording: true);
        for (int step = 0; step < 200; step++)
        {
            int[] text = Text(model.VocabularySize, (ulong)step + 100);
            model.Parameters.ForgetGradients();
            tape.Begin();
            Tensor logits = model.Forward(tape, text.AsSpan(..^1), BatchSize);
            Tensor loss = CrossEntropyOp.Forward(tape, logits, text.AsSpan(1..));
            tape.Backward(loss);
            optimizer.Update(learningRate: 0.003, optimizer.GradientNorm(pool), pool);
        }
    }

    /// <summary>The mean over texts that training has not seen.</summary>
    private static double Loss(Gpt2Model model, WorkerPool pool)
    {
        const int Texts = 8;
        using Tape tape = new(pool, recording: false);
        double sum = 0;
        for (ulong seed = 0; seed < Texts; seed++)
        {
            int[] text = Text(model.VocabularySize, seed);
            tape.Begin();
            sum += CrossEntropyOp.Forward(tape, model.Forward(tape, text.AsSpan(..^1), BatchSize), text.AsSpan(1..)).Values[0];
        }

        return sum / Texts;
    }

    private static int[] Text(int vocabulary, ulong seed)
    {
        RandomSource random = new(seed);
        int[] text = new int[(BatchSize * ContextLength) + 1];
        for (int i = 1; i < text.Length; i++)
        {
            text[i] = random.NextInt32(4) == 0 ? ((3 * text[i - 1]) + 1) % vocabulary : ((5 * text[i - 1]) + 2) % vocabulary;
        }

        return text;
    }
}
