using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Tests;

public sealed class TextEmbedderTests
{
    /// <summary>The head's scores are the hidden states times the token embedding: with the identity for it, they are the hidden states.</summary>
    [Fact]
    public void A_vector_is_the_mean_of_the_hidden_states()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = RandomModel.Create(8, 16);
        Span<float> embedding = model.Parameters.Parameters.Single(parameter => parameter.Name == "wte.weight").Tensor.Values;
        embedding.Clear();
        for (int i = 0; i < 16; i++)
        {
            embedding[i * 17] = 1;
        }

        int[] ids = [3, 1, 4, 1, 5, 9, 2];
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        float[] hidden = model.Forward(tape, ids, 1).Values.ToArray();
        double[] mean = [.. Enumerable.Range(0, 16).Select(c => Enumerable.Range(0, ids.Length).Average(t => (double)hidden[t * 16 + c]))];

        using TextEmbedder embedder = new(model, pool);
        float[] vector = embedder.Embed(ids);

        embedder.Dimensions.ShouldBe(16);
        vector.Length.ShouldBe(16);
        for (int c = 0; c < 16; c++)
        {
            ((double)vector[c]).ShouldBe(mean[c], 1e-6);
        }

        mean.Max().ShouldBeGreaterThan(0.1);
    }

    [Fact]
    public void A_vector_depends_on_the_text_alone_whatever_the_threads()
    {
        using Gpt2Model model = RandomModel.Create(64, 50);
        int[] ids = [.. Enumerable.Range(0, 64).Select(i => i * 7 % 50)];
        using WorkerPool one = new(1), three = new(3);
        using TextEmbedder alone = new(model, one), other = new(model, three);

        float[] vector = alone.Embed(ids);

        other.Embed(ids.AsSpan(0, 5)).ShouldNotBe(vector);
        other.Embed(ids).ShouldBe(vector);
    }

    [Fact]
    public void Refuses_texts_that_the_model_can_not_read()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = RandomModel.Create(4, 10);
        using TextEmbedder embedder = new(model, pool);

        Should.Throw<InvalidDataException>(() => embedder.Embed([])).Message.ShouldBe("The text has 0 tokens; this model embeds texts of 1 to 4.");
        Should.Throw<InvalidDataException>(() => embedder.Embed([1, 2, 3, 4, 5])).Message.ShouldBe("The text has 5 tokens; this model embeds texts of 1 to 4.");
        Should.Throw<InvalidDataException>(() => embedder.Embed([10])).Message.ShouldBe("The text has a token id outside the model's vocabulary of 10 tokens.");
    }
}
