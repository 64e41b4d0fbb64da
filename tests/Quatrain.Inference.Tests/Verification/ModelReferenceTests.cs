using System.Text.Json;
using Quatrain.Inference.Verification;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tests;

namespace Quatrain.Inference.Tests.Verification;

public sealed class ModelReferenceTests
{
    [Fact]
    public void GPT_2_s_facts_are_whole()
    {
        ModelReference reference = ModelReference.Gpt2;

        reference.WeightHashes.Keys.Order(StringComparer.Ordinal).ShouldBe(Gpt2Memory.Parameters(reference.Config).Select(weight => weight.Name).Order(StringComparer.Ordinal));
        reference.WeightHashes.Values.ShouldAllBe(hashes => hashes.All(hash => hash.Length == 40 && hash.All(char.IsAsciiHexDigitLower)));
        reference.WeightHashes.Values.SelectMany(hashes => hashes).Distinct().Count().ShouldBe(149);
        reference.Logits.Count.ShouldBe(5);
        foreach (LogitsReference logits in reference.Logits)
        {
            logits.Top.Length.ShouldBe(20);
            logits.Top.Select(entry => entry.Logit).ShouldBeInOrder(SortDirection.Descending);
            ShouldBeTokens(logits.Ids);
        }

        reference.Continuations.Select(continuation => continuation.Expected.Length).ShouldBe([39, 20, 18]);
        foreach (int[] ids in reference.Continuations.SelectMany(continuation => new[] { continuation.Ids, continuation.Expected }))
        {
            ShouldBeTokens(ids);
        }

        reference.Losses.ShouldHaveSingleItem().Ids.ShouldBe([50256, 15496, 995, 0]);
        TrainingReference training = reference.Training.ShouldNotBeNull();
        (training.Ids.Length, training.BatchSize, training.Losses.Length).ShouldBe((257, 4, 10));
        ShouldBeTokens(training.Ids);
        ModelReference.For(reference.Config with { ResidualDropout = 0 }).ShouldBeSameAs(reference);
        ModelReference.For(reference.Config with { LayerCount = 24, HeadCount = 16, EmbeddingSize = 1024 }).ShouldBeNull();
    }

    [SharedDataFact("gpt2-golden/gpt2-124M-tensor-hashes.json")]
    public void Hashes_are_those_gathered()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedData.Get("gpt2-golden/gpt2-124M-tensor-hashes.json")));

        document.RootElement.GetProperty("tensors").EnumerateArray()
            .Select(tensor => (tensor.GetProperty("tensor").GetString()!["transformer.".Length..], tensor.GetProperty("git_blob_sha1").GetString()!)).Order()
            .ShouldBe(ModelReference.Gpt2.WeightHashes.SelectMany(weight => weight.Value.Select(hash => (weight.Key, hash))).Order());
    }

    [SharedDataFact("gpt2-golden/gpt2-124M-golden.safetensors")]
    public void Largest_logits_are_those_of_the_golden_file()
    {
        using SafetensorsFile golden = SafetensorsFile.Open(SharedData.Get("gpt2-golden/gpt2-124M-golden.safetensors"));
        foreach (LogitsReference reference in ModelReference.Gpt2.Logits)
        {
            golden.TryGet($"{reference.Name}.logits_last", out SafetensorsEntry? entry).ShouldBeTrue();
            float[] logits = new float[50_257];
            golden.ReadFloats(entry!, logits);

            reference.Top.ShouldBe([.. logits.Select((logit, id) => (id, logit)).OrderByDescending(pair => pair.logit).Take(20)]);
        }
    }

    private static void ShouldBeTokens(int[] ids) => ids.ShouldAllBe(id => id >= 0 && id < 50_257);
}
