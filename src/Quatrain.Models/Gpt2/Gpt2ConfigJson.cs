using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2.Export;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2;

/// <summary>Reads and writes a <see cref="Gpt2Config"/> as the config.json of Hugging Face's GPT-2.</summary>
/// <remarks>
/// One field is our own: "bias", true where it is absent. A setting that is absent, or null, otherwise has the value Hugging Face gives it, for
/// instance 0.1 for a dropout rate; the sizes must be there. Unknown settings are passed over, as there.
/// Source: transformers, configuration_gpt2.py.
/// </remarks>
public static class Gpt2ConfigJson
{
    /// <summary>What model_type says in the file of a GPT-2.</summary>
    public const string ModelType = "gpt2";

    private const string LanguageModel = "GPT2LMHeadModel";

    private const float HuggingFaceDropout = 0.1f;

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is not JSON, is larger than 1 MiB, is another architecture's, lacks a size, has a setting of the wrong type or an
    /// impossible one, or asks for a variant of GPT-2 that gives other results; the message names file and field.
    /// </exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static Gpt2Config Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using ConfigFile file = ConfigFile.Open(path);
        return Read(file);
    }

    /// <summary>Writes <paramref name="config"/> to <paramref name="path"/>, through <see cref="AtomicFile"/>.</summary>
    /// <exception cref="InvalidDataException">Such a model cannot be built.</exception>
    /// <exception cref="IOException">The file cannot be written; an old one stays as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Write(string path, Gpt2Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        Write(path, config, LanguageModel, json => { });
    }

    /// <summary>Writes what transformers' GPT2ForSequenceClassification asks for besides: the classes, and the token it passes over at the end of a text.</summary>
    /// <inheritdoc cref="Write(string, Gpt2Config)"/>
    internal static void WriteForClassification(string path, Gpt2Config config, IReadOnlyList<string> labels, int padId) => Write(path, config, "GPT2ForSequenceClassification", json =>
    {
        json.WriteNumber("pad_token_id", padId);
        json.WriteString("problem_type", "single_label_classification");
        json.WriteStartObject("id2label");
        for (int id = 0; id < labels.Count; id++)
        {
            json.WriteString(id.ToString(CultureInfo.InvariantCulture), labels[id]);
        }

        json.WriteEndObject();
        json.WriteStartObject("label2id");
        for (int id = 0; id < labels.Count; id++)
        {
            json.WriteNumber(labels[id], id);
        }

        json.WriteEndObject();
    });

    /// <summary>Writes what transformers' GPT2LMHeadModel asks for besides: no setting of its configuration is left to its defaults.</summary>
    /// <inheritdoc cref="Write(string, Gpt2Config)"/>
    internal static void WriteForHuggingFace(string path, Gpt2Config config, ExportOptions options) => Write(path, config, LanguageModel, json =>
    {
        json.WriteNumber("n_ctx", config.ContextLength);
        json.WriteNull("n_inner");
        json.WriteBoolean("scale_attn_weights", true);
        json.WriteBoolean("use_cache", true);
        foreach (string name in (ReadOnlySpan<string>)["bos_token_id", "eos_token_id"])
        {
            if (options.EndOfTextId is { } id)
            {
                json.WriteNumber(name, id);
            }
            else
            {
                json.WriteNull(name);
            }
        }

        json.WriteString("torch_dtype", options.Weights switch
        {
            RawElementType.F16 => "float16",
            RawElementType.BF16 => "bfloat16",
            _ => "float32",
        });
    });

    private static void Write(string path, Gpt2Config config, string architecture, Action<Utf8JsonWriter> writeMore)
    {
        config.Validate();
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            Write(json, config, architecture);
            writeMore(json);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        AtomicFile.Write(path, stream => stream.Write(buffer.WrittenSpan));
    }

    internal static Gpt2Config Read(ConfigFile file)
    {
        string modelType = file.Text("model_type");
        if (modelType != ModelType)
        {
            throw ConfigFile.Invalid(file.Path, $"model_type is {TensorText.Quote(modelType)}, not '{ModelType}'");
        }

        RefuseVariants(file);
        Gpt2Config config = new()
        {
            LayerCount = file.Integer("n_layer"),
            HeadCount = file.Integer("n_head"),
            EmbeddingSize = file.Integer("n_embd"),
            ContextLength = file.Integer(!file.IsUnset("n_ctx") && file.IsUnset("n_positions") ? "n_ctx" : "n_positions"),
            VocabularySize = file.Integer("vocab_size"),
            Bias = file.Flag("bias", absent: true),
            Activation = ReadActivation(file),
            TieEmbeddings = file.Flag("tie_word_embeddings", absent: true),
            EmbeddingDropout = file.Number("embd_pdrop", HuggingFaceDropout),
            AttentionDropout = file.Number("attn_pdrop", HuggingFaceDropout),
            ResidualDropout = file.Number("resid_pdrop", HuggingFaceDropout),
            LayerNormEpsilon = file.Number("layer_norm_epsilon", absent: 1e-5f),
        };
        config.ValidateIn(file.Path);
        if (!file.IsUnset("n_inner") && file.Integer("n_inner") != 4L * config.EmbeddingSize)
        {
            throw Unsupported(file, "n_inner", $"{file.Integer("n_inner")}", $"null or {4L * config.EmbeddingSize}, four times n_embd");
        }

        return config;
    }

    private static void Write(Utf8JsonWriter json, Gpt2Config config, string architecture)
    {
        json.WriteString("model_type", ModelType);
        json.WriteStartArray("architectures");
        json.WriteStringValue(architecture);
        json.WriteEndArray();
        json.WriteNumber("n_layer", config.LayerCount);
        json.WriteNumber("n_head", config.HeadCount);
        json.WriteNumber("n_embd", config.EmbeddingSize);
        json.WriteNumber("n_positions", config.ContextLength);
        json.WriteNumber("vocab_size", config.VocabularySize);
        json.WriteString("activation_function", config.Activation switch
        {
            Activation.GeluTanh => "gelu_new",
            Activation.GeluExact => "gelu",
            Activation.Relu => "relu",
            _ => throw new ArgumentOutOfRangeException(nameof(config)),
        });
        json.WriteBoolean("bias", config.Bias);
        json.WriteBoolean("tie_word_embeddings", config.TieEmbeddings);
        json.WriteNumber("embd_pdrop", config.EmbeddingDropout);
        json.WriteNumber("attn_pdrop", config.AttentionDropout);
        json.WriteNumber("resid_pdrop", config.ResidualDropout);
        json.WriteNumber("layer_norm_epsilon", config.LayerNormEpsilon);
    }

    private static Activation ReadActivation(ConfigFile file)
    {
        string name = file.Text("activation_function", absent: "gelu_new");
        return name switch
        {
            "gelu_new" or "gelu_pytorch_tanh" => Activation.GeluTanh,
            "gelu" => Activation.GeluExact,
            "relu" => Activation.Relu,
            _ => throw Unsupported(
                file, "activation_function", TensorText.Quote(name), "'gelu_new', 'gelu_pytorch_tanh', 'gelu' or 'relu'"),
        };
    }

    private static void RefuseVariants(ConfigFile file)
    {
        RequireFlag(file, "scale_attn_weights", true);
        RequireFlag(file, "scale_attn_by_inverse_layer_idx", false);
        RequireFlag(file, "reorder_and_upcast_attn", false);
    }

    private static void RequireFlag(ConfigFile file, string name, bool supported)
    {
        if (file.Flag(name, supported) != supported)
        {
            throw Unsupported(file, name, supported ? "false" : "true", supported ? "true" : "false");
        }
    }

    private static InvalidDataException Unsupported(ConfigFile file, string name, string value, string supported) =>
        new($"Cannot use '{file.Path}': {name} is {value}, but only {supported} is supported; use a model without that variation.");
}
