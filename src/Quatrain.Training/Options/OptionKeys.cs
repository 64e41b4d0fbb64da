using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Ops;

namespace Quatrain.Training.Options;

/// <summary>The one table of all training options; reading, writing, setting, checking and help all work from it.</summary>
public static class OptionKeys
{
    private const int MaximumIterations = 1_000_000_000;

    private static readonly NumberRange Share = new(0, 1, OpenAbove: true);
    private static readonly NumberRange PositiveRate = new(0, 1, OpenBelow: true);

    /// <summary>All options, in the order in which they are written and listed.</summary>
    public static IReadOnlyList<OptionKey> All { get; } =
    [
        OptionKey.Text("preset", "A named set of options to start from; the other options change it.",
            "the name of a preset", _ => true, // Presets.Load refuses an unknown name with a better sentence.
            o => o.Preset, (o, name) => name.Length == 0 ? o with { Preset = "" } : Presets.Load(name)),
        OptionKey.Text("data", "What to train on: quatrains, shakespeare, or the path of a text file or a folder of them.",
            "quatrains, shakespeare or a path", path => !string.IsNullOrWhiteSpace(path),
            o => o.Data, (o, v) => o with { Data = v }),
        OptionKey.Text("tokenizer", "How text becomes tokens: characters, the name of a pulled model such as gpt2, or the path of a tokenizer.",
            "characters, a model's name or a path", name => !string.IsNullOrWhiteSpace(name),
            o => o.Tokenizer, (o, v) => o with { Tokenizer = v }),
        OptionKey.Boolean("end_of_text", "Whether <|endoftext|> in the text, and each end of a file in a folder, is the tokenizer's one token for it.",
            o => o.EndOfText, (o, v) => o with { EndOfText = v }),
        OptionKey.Integer("layer_count", "Transformer blocks.", 1, 1024,
            o => o.LayerCount, (o, v) => o with { LayerCount = (int)v }),
        OptionKey.Integer("head_count", "Attention heads; must divide embedding_size.", 1, 1024,
            o => o.HeadCount, (o, v) => o with { HeadCount = (int)v }),
        OptionKey.Integer("embedding_size", "Width of the residual stream.", 1, 65536,
            o => o.EmbeddingSize, (o, v) => o with { EmbeddingSize = (int)v }),
        OptionKey.Integer("context_length", "The most tokens the model sees at once.", 1, 1 << 20,
            o => o.ContextLength, (o, v) => o with { ContextLength = (int)v }),
        OptionKey.Boolean("bias", "Whether linear layers and layer norms have biases.",
            o => o.Bias, (o, v) => o with { Bias = v }),
        OptionKey.Choice("activation", "Feed-forward activation.",
            [("gelu_exact", Activation.GeluExact), ("gelu_tanh", Activation.GeluTanh), ("relu", Activation.Relu)],
            o => o.Activation, (o, v) => o with { Activation = v }),
        OptionKey.Boolean("tie_embeddings", "Whether the output layer shares the token embedding's weights.",
            o => o.TieEmbeddings, (o, v) => o with { TieEmbeddings = v }),
        OptionKey.Choice("initialization", "How weights start.",
            [("nanogpt", InitializationScheme.NanoGpt), ("gpt2", InitializationScheme.Gpt2)],
            o => o.Initialization, (o, v) => o with { Initialization = v }),
        OptionKey.Number("dropout", "Dropout probability on embeddings, attention and residuals alike.", Share,
            o => o.Dropout, (o, v) => o with { Dropout = v }),
        OptionKey.Integer("batch_size", "Sequences in one forward pass.", 1, 1 << 20,
            o => o.BatchSize, (o, v) => o with { BatchSize = (int)v }),
        OptionKey.Integer("accumulation_steps", "Passes whose gradients are averaged into one update.", 1, 1 << 20,
            o => o.AccumulationSteps, (o, v) => o with { AccumulationSteps = (int)v }),
        OptionKey.Integer("iterations", "Updates.", 1, MaximumIterations,
            o => o.Iterations, (o, v) => o with { Iterations = (int)v }),
        OptionKey.Number("learning_rate", "Peak learning rate.", PositiveRate,
            o => o.LearningRate, (o, v) => o with { LearningRate = v }),
        OptionKey.Number("min_learning_rate", "Learning rate at and after the end of the decay.", new NumberRange(0, 1),
            o => o.MinLearningRate, (o, v) => o with { MinLearningRate = v }),
        OptionKey.Integer("warmup_iterations", "Updates over which the learning rate rises.", 0, MaximumIterations,
            o => o.WarmupIterations, (o, v) => o with { WarmupIterations = (int)v }),
        OptionKey.Integer("decay_iterations", "Update at which the learning rate reaches its minimum; 0 means iterations.", 0, MaximumIterations,
            o => o.DecayIterations, (o, v) => o with { DecayIterations = (int)v }),
        OptionKey.Number("beta1", "AdamW's decay of the first moment.", Share,
            o => o.Beta1, (o, v) => o with { Beta1 = v }),
        OptionKey.Number("beta2", "AdamW's decay of the second moment.", Share,
            o => o.Beta2, (o, v) => o with { Beta2 = v }),
        OptionKey.Number("epsilon", "What AdamW adds to the root of the second moment.", PositiveRate,
            o => o.Epsilon, (o, v) => o with { Epsilon = v }),
        OptionKey.Number("weight_decay", "AdamW's decoupled weight decay of matrices.", new NumberRange(0, 100),
            o => o.WeightDecay, (o, v) => o with { WeightDecay = v }),
        OptionKey.Number("gradient_clip", "Largest norm of the whole gradient; 0 turns clipping off.", new NumberRange(0, 1e6),
            o => o.GradientClip, (o, v) => o with { GradientClip = v }),
        OptionKey.Number("validation_fraction", "Share of the text, at its end, kept for validation; 0 keeps none.", Share,
            o => o.ValidationFraction, (o, v) => o with { ValidationFraction = v }),
        OptionKey.Integer("eval_every", "Updates between evaluations; 0 evaluates only at the end.", 0, MaximumIterations,
            o => o.EvalEvery, (o, v) => o with { EvalEvery = (int)v }),
        OptionKey.Integer("eval_tokens", "Most validation targets scored in a periodic evaluation; 0 scores all.", 0, MaximumIterations,
            o => o.EvalTokens, (o, v) => o with { EvalTokens = (int)v }),
        OptionKey.Integer("checkpoint_every", "Updates between checkpoints; 0 saves only at the end.", 0, MaximumIterations,
            o => o.CheckpointEvery, (o, v) => o with { CheckpointEvery = (int)v }),
        OptionKey.Integer("sample_every", "Updates between samples; 0 draws none.", 0, MaximumIterations,
            o => o.SampleEvery, (o, v) => o with { SampleEvery = (int)v }),
        OptionKey.Integer("sample_tokens", "Tokens in a sample.", 1, 1 << 20,
            o => o.SampleTokens, (o, v) => o with { SampleTokens = (int)v }),
        OptionKey.Integer("seed", "Seed of every random number in the run.", 0, long.MaxValue,
            o => (long)o.Seed, (o, v) => o with { Seed = (ulong)v }),
    ];

    /// <summary>The option whose JSON key is <paramref name="name"/>, or null.</summary>
    public static OptionKey? Find(string name) => All.FirstOrDefault(key => key.Name == name);
}
