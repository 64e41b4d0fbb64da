using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Xunit.Abstractions;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class OverfittingTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(true, true, Activation.GeluTanh)]
    [InlineData(false, false, Activation.GeluExact)]
    [InlineData(true, true, Activation.Relu)]
    public void One_batch_is_learned_by_heart(bool bias, bool tied, Activation activation)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = 2,
            HeadCount = 2,
            EmbeddingSize = 32,
            ContextLength = 16,
            VocabularySize = 23,
            Bias = bias,
            TieEmbeddings = tied,
            Activation = activation,
        });
        Gpt2Initialization.Initialize(model, InitializationScheme.NanoGpt, seed: 1);
        using AdamW optimizer = new(model.Parameters, new AdamWOptions());
        using Tape tape = new(pool, recording: true);
        // Random, so that nothing but the whole beginning of a text tells how it goes on.
        int[] text = TestModels.Tokens((4 * 16) + 1, model.VocabularySize);
        List<float> losses = [];
        for (int step = 0; step < 150; step++)
        {
            model.Parameters.ForgetGradients();
            tape.Begin();
            Tensor logits = model.Forward(tape, text.AsSpan(..^1), batchSize: 4);
            Tensor loss = CrossEntropyOp.Forward(tape, logits, text.AsSpan(1..));
            losses.Add(loss.Values[0]);
            tape.Backward(loss);
            optimizer.Update(learningRate: 0.01, optimizer.GradientNorm(pool), pool);
        }

        output.WriteLine($"loss {losses[0]:F3} to {losses[^1]:F5}");
        losses[0].ShouldBe((float)Math.Log(23), 0.1f);
        (losses[^1] < 0.02f).ShouldBeTrue($"the last loss is {losses[^1]}");
    }
}
