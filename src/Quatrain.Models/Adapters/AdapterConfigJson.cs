using System.Buffers;
using System.Text.Json;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Adapters;

/// <summary>Reads and writes an <see cref="AdapterDescription"/> as the adapter_config.json of Hugging Face's PEFT.</summary>
/// <remarks>
/// A setting that is absent, or null, has PEFT's default. One that would change what the adapter computes, and that is not supported, is refused; unknown ones
/// are passed over. Source: peft, tuners/lora/config.py.
/// </remarks>
public static class AdapterConfigJson
{
    private const string Lora = "LORA", CausalTask = "CAUSAL_LM", ClassificationTask = "SEQ_CLS", FeatureTask = "FEATURE_EXTRACTION";
    private const int PeftRank = 8, PeftAlpha = 8;
    private const int LargestList = 10_000;

    // Each changes which layers are adapted or what they compute.
    private static readonly string[] Unsupported =
    [
        "alpha_pattern", "alora_invocation_tokens", "arrow_config", "exclude_modules", "layer_replication", "layers_to_transform", "rank_pattern", "target_parameters",
        "trainable_token_indices", "use_dora", "use_qalora", "lora_bias",
    ];

    // The others change the base's weights when training begins, so that the adapter does not fit the published ones.
    private static readonly string[] Initializations = ["gaussian", "eva", "orthogonal"];

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidDataException">It is not JSON, is larger than 1 MiB, or asks for what is not supported; the message names file and setting.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static AdapterDescription Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using ConfigFile file = ConfigFile.Open(path);
        Require(file, "peft_type", file.Text("peft_type"), Lora);
        Require(file, "bias", file.Text("bias", absent: "none"), "none");
        foreach (string name in Unsupported)
        {
            if (!file.IsOff(name))
            {
                throw Refuse(file, $"{name} is set, which is not supported");
            }
        }

        if (file.IsText("init_lora_weights") && !Initializations.Contains(file.Text("init_lora_weights")))
        {
            throw Refuse(file, $"init_lora_weights is {TensorText.Quote(file.Text("init_lora_weights"))}, which changes the base too");
        }

        LoraConfig config = new()
        {
            Rank = file.IsUnset("r") ? PeftRank : file.Integer("r"),
            Alpha = file.Number("lora_alpha", PeftAlpha),
            Dropout = file.Number("lora_dropout", 0),
            RankStabilized = file.Flag("use_rslora", absent: false),
            Targets = file.IsText("target_modules") ? [] : file.Texts("target_modules", LargestList),
            TargetExpression = file.IsText("target_modules") ? file.Text("target_modules") : null,
        };
        try
        {
            config.Validate();
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"Cannot use '{path}': {error.Message}", error);
        }

        return new AdapterDescription(config, file.Text("base_model_name_or_path", absent: ""), ReadTask(file), file.Texts("modules_to_save", LargestList));
    }

    /// <summary>The bytes of the file that says <paramref name="description"/>.</summary>
    internal static ReadOnlyMemory<byte> Write(AdapterDescription description)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("peft_type", Lora);
            json.WriteString("task_type", description.Task == AdapterTask.SequenceClassification ? ClassificationTask : CausalTask);
            json.WriteString("base_model_name_or_path", description.BaseModel);
            json.WriteNumber("r", description.Lora.Rank);
            json.WriteNumber("lora_alpha", description.Lora.Alpha);
            json.WriteNumber("lora_dropout", description.Lora.Dropout);
            WriteTexts(json, "target_modules", description.Lora.Targets);
            // GPT-2's layers lie as [inputs, outputs].
            json.WriteBoolean("fan_in_fan_out", true);
            json.WriteString("bias", "none");
            if (description.SavedModules.Count > 0)
            {
                WriteTexts(json, "modules_to_save", description.SavedModules);
            }
            else
            {
                json.WriteNull("modules_to_save");
            }

            if (description.Lora.RankStabilized)
            {
                // Older versions of PEFT refuse what they don't know.
                json.WriteBoolean("use_rslora", true);
            }

            json.WriteBoolean("init_lora_weights", true);
            json.WriteBoolean("inference_mode", true);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    private static AdapterTask ReadTask(ConfigFile file) => file.Text("task_type", absent: CausalTask) switch
    {
        CausalTask or FeatureTask => AdapterTask.CausalLanguageModel,
        ClassificationTask => AdapterTask.SequenceClassification,
        string other => throw Refuse(file, $"task_type is {TensorText.Quote(other)}, and only '{CausalTask}' and '{ClassificationTask}' are supported"),
    };

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    private static void Require(ConfigFile file, string name, string value, string supported)
    {
        if (value != supported)
        {
            throw Refuse(file, $"{name} is {TensorText.Quote(value)}, and only '{supported}' is supported");
        }
    }

    private static InvalidDataException Refuse(ConfigFile file, string problem) =>
        new($"Cannot use the adapter of '{file.Path}': {problem}; use an adapter without that variation.");
}
