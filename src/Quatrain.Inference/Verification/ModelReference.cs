using System.Text.Json;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Ops;

namespace Quatrain.Inference.Verification;

/// <summary>The logits after a prompt.</summary>
/// <param name="Name">What the golden file calls the prompt.</param>
/// <param name="Ids">The prompt.</param>
/// <param name="Top">The largest logits, from the largest on, with their token ids.</param>
public sealed record LogitsReference(string Name, int[] Ids, (int Id, float Logit)[] Top);

/// <summary>What greedy decoding writes.</summary>
/// <param name="Source">Who published it.</param>
/// <param name="Ids">The prompt.</param>
/// <param name="Expected">The tokens after it.</param>
public sealed record ContinuationReference(string Source, int[] Ids, int[] Expected);

/// <summary>The mean loss of a text's tokens after the first.</summary>
/// <param name="Source">Who published it.</param>
/// <param name="Ids">The text.</param>
/// <param name="Loss">In nats a token.</param>
public sealed record LossReference(string Source, int[] Ids, double Loss);

/// <summary>The losses of AdamW steps on one batch, each before its update.</summary>
/// <param name="Source">Who published them.</param>
/// <param name="Ids">The batch: B * T tokens, and one more, which is the last target.</param>
/// <param name="BatchSize">B.</param>
/// <param name="LearningRate">The same for every step.</param>
/// <param name="Beta1">The first moment's decay rate.</param>
/// <param name="Beta2">The second moment's decay rate.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">The weight decay; there it acts on every tensor, here on matrices, which is too little to tell apart in these few steps.</param>
/// <param name="FirstLogit">The first step's logit of token 0 at the first position.</param>
/// <param name="Losses">In nats a token.</param>
public sealed record TrainingReference(
    string Source, int[] Ids, int BatchSize, double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, float FirstLogit, double[] Losses);

/// <summary>What is known of a published model, to recognise it by.</summary>
/// <param name="Name">The model.</param>
/// <param name="Config">Its sizes and options; dropout does not count.</param>
/// <param name="WeightHashes">
/// Of each weight, Git's SHA-1 of its elements as little-endian float32, row-major, in the order in which <see cref="Gpt2Model"/> has them; several hashes are
/// those of as many equal parts.
/// </param>
/// <param name="LogitsActivation">The activation of the model that made the logits.</param>
/// <param name="Logits">Logits after prompts.</param>
/// <param name="Continuations">Greedy continuations.</param>
/// <param name="Losses">Losses of texts.</param>
/// <param name="Training">A fine-tuning's losses, or null.</param>
public sealed record ModelReference(
    string Name,
    Gpt2Config Config,
    IReadOnlyDictionary<string, string[]> WeightHashes,
    Activation LogitsActivation,
    IReadOnlyList<LogitsReference> Logits,
    IReadOnlyList<ContinuationReference> Continuations,
    IReadOnlyList<LossReference> Losses,
    TrainingReference? Training)
{
    private const string Resource = "verification/gpt2-124m.json";

    private static readonly Lazy<ModelReference> LazyGpt2 = new(ReadGpt2);

    /// <summary>The published GPT-2 of 124 million weights.</summary>
    public static ModelReference Gpt2 => LazyGpt2.Value;

    /// <summary>The published model of the sizes of <paramref name="config"/>, or null where none is known.</summary>
    public static ModelReference? For(Gpt2Config config) => HaveEqualSizes(config, Gpt2.Config) ? Gpt2 : null;

    /// <summary>Whether the two have weights of the same shapes.</summary>
    internal static bool HaveEqualSizes(Gpt2Config left, Gpt2Config right) =>
        left.LayerCount == right.LayerCount && left.EmbeddingSize == right.EmbeddingSize && left.ContextLength == right.ContextLength
        && left.VocabularySize == right.VocabularySize && left.Bias == right.Bias && left.TieEmbeddings == right.TieEmbeddings;

    // The resource is our own, so whatever is wrong with it is an error of this program.
    private static ModelReference ReadGpt2()
    {
        using Stream stream = typeof(ModelReference).Assembly.GetManifestResourceStream(Resource)!;
        using JsonDocument document = JsonDocument.Parse(stream);
        JsonElement root = document.RootElement, logits = root.GetProperty("logits"), training = root.GetProperty("training");
        return new ModelReference(
            root.GetProperty("name").GetString()!,
            ReadConfig(root.GetProperty("config")),
            root.GetProperty("weights").EnumerateObject().ToDictionary(
                weight => weight.Name, weight => weight.Value.EnumerateArray().Select(hash => hash.GetString()!).ToArray(), StringComparer.Ordinal),
            Activation.GeluExact,
            [.. logits.GetProperty("prompts").EnumerateArray().Select(prompt => new LogitsReference(
                prompt.GetProperty("name").GetString()!, Ids(prompt, "ids"),
                [.. prompt.GetProperty("top").EnumerateArray().Select(entry => (entry[0].GetInt32(), entry[1].GetSingle()))]))],
            [.. root.GetProperty("continuations").EnumerateArray().Select(continuation => new ContinuationReference(
                continuation.GetProperty("source").GetString()!, Ids(continuation, "ids"), Ids(continuation, "expected")))],
            [.. root.GetProperty("losses").EnumerateArray().Select(loss => new LossReference(
                loss.GetProperty("source").GetString()!, Ids(loss, "ids"), loss.GetProperty("loss").GetDouble()))],
            new TrainingReference(
                training.GetProperty("source").GetString()!, Ids(training, "ids"), training.GetProperty("batch_size").GetInt32(),
                training.GetProperty("learning_rate").GetDouble(), training.GetProperty("beta1").GetDouble(), training.GetProperty("beta2").GetDouble(),
                training.GetProperty("epsilon").GetDouble(), training.GetProperty("weight_decay").GetDouble(), training.GetProperty("first_logit").GetSingle(),
                [.. training.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble())]));
    }

    private static Gpt2Config ReadConfig(JsonElement config) => new()
    {
        LayerCount = config.GetProperty("n_layer").GetInt32(),
        HeadCount = config.GetProperty("n_head").GetInt32(),
        EmbeddingSize = config.GetProperty("n_embd").GetInt32(),
        ContextLength = config.GetProperty("n_positions").GetInt32(),
        VocabularySize = config.GetProperty("vocab_size").GetInt32(),
    };

    private static int[] Ids(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
