using Microsoft.Extensions.AI;
using Quatrain.Inference.Tests;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Tests;

namespace Quatrain.Extensions.Tests;

public sealed class QuatrainEmbeddingGeneratorTests : IDisposable
{
    private const int ContextLength = 16;

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;
    private readonly QuatrainEmbeddingGenerator _generator;

    public QuatrainEmbeddingGeneratorTests()
    {
        _path = ChatModel.Write(_folder.File("tiny"), style: null, ContextLength);
        _generator = QuatrainEmbeddingGenerator.Open(_path, new QuatrainEmbeddingOptions { Threads = 1 });
    }

    public void Dispose()
    {
        _generator.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_text_gets_the_mean_of_its_hidden_states_alone_and_beside_others()
    {
        string[] texts = ["the end", "sat", "Oh no, the quit"];

        GeneratedEmbeddings<Embedding<float>> together = await _generator.GenerateAsync(texts);

        together.Count.ShouldBe(3);
        int[][] ids = [.. texts.Select(text => SmallBytePairs.Tokenizer.Encode(text))];
        together.Usage!.InputTokenCount.ShouldBe(ids.Sum(text => text.Length));
        together.Usage.TotalTokenCount.ShouldBe(ids.Sum(text => text.Length));
        for (int i = 0; i < 3; i++)
        {
            float[] vector = together[i].Vector.ToArray();
            (await _generator.GenerateVectorAsync(texts[i])).ToArray().ShouldBe(vector);
            double[] mean = Mean(ids[i]);
            vector.Length.ShouldBe(mean.Length);
            for (int c = 0; c < mean.Length; c++)
            {
                ((double)vector[c]).ShouldBe(mean[c], 1e-6);
            }

            together[i].ModelId.ShouldBe("tiny");
        }

        (await _generator.GenerateAsync([])).ShouldBeEmpty();
    }

    [Fact]
    public async Task Calls_at_the_same_time_get_what_they_would_get_alone()
    {
        string[] texts = ["the", "end", "sat", "quit", "Oh"];
        float[][] alone = [.. (await _generator.GenerateAsync(texts)).Select(embedding => embedding.Vector.ToArray())];

        float[][] together = await Task.WhenAll(texts.Select(text => Task.Run(async () => (await _generator.GenerateVectorAsync(text)).ToArray())));

        together.ShouldBe(alone);
    }

    [Fact]
    public async Task What_can_not_be_done_is_refused()
    {
        await Refused<InvalidDataException>("Text 2 is empty; there is nothing to embed.", ["a", ""]);
        await Refused<InvalidDataException>("Text 1 has 17 tokens, and the model looks at 16; shorten it, or set TruncateLongTexts.", [new string('a', 17)]);
        await Refused<InvalidDataException>("Text 1 can't be embedded: ", ["\ud800"]);
        await Refused<NotSupportedException>("Vectors of 8 dimensions were asked for, and this model's have 16; leave the number out.", ["a"], new() { Dimensions = 8 });
        await Refused<NotSupportedException>("The model 'other' was asked for", ["a"], new() { ModelId = "other" });
        await Refused<NotSupportedException>("This model takes no options of another kind", ["a"], new() { AdditionalProperties = new() { ["a"] = 1 } });
        (await _generator.GenerateAsync(["a"], new EmbeddingGenerationOptions { Dimensions = 16, ModelId = "tiny" })).Count.ShouldBe(1);
        await Should.ThrowAsync<OperationCanceledException>(() => _generator.GenerateAsync(["a"], cancellationToken: new CancellationToken(canceled: true)));

        async Task Refused<T>(string problem, string[] texts, EmbeddingGenerationOptions? options = null)
            where T : Exception => (await Should.ThrowAsync<T>(() => _generator.GenerateAsync(texts, options))).Message.ShouldStartWith(problem);
    }

    [Fact]
    public async Task A_long_text_can_count_with_its_beginning()
    {
        using QuatrainEmbeddingGenerator truncating = QuatrainEmbeddingGenerator.Open(_path, new QuatrainEmbeddingOptions { TruncateLongTexts = true });

        GeneratedEmbeddings<Embedding<float>> embeddings = await truncating.GenerateAsync([new string('a', 40), new string('a', ContextLength)]);

        embeddings[0].Vector.ToArray().ShouldBe(embeddings[1].Vector.ToArray());
        embeddings.Usage!.InputTokenCount.ShouldBe(2 * ContextLength);
    }

    [Fact]
    public void Metadata_has_the_dimensions()
    {
        _generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions.ShouldBe(16);
        _generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelId.ShouldBe("tiny");
        _generator.GetService<QuatrainEmbeddingGenerator>().ShouldBeSameAs(_generator);
        _generator.GetService<string>().ShouldBeNull();
    }

    private double[] Mean(int[] ids)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = Gpt2Checkpoint.Load(_path);
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        float[] hidden = model.Hidden(tape, ids, 1).Values.ToArray();
        int width = hidden.Length / ids.Length;
        return [.. Enumerable.Range(0, width).Select(c => Enumerable.Range(0, ids.Length).Average(t => (double)hidden[t * width + c]))];
    }
}
