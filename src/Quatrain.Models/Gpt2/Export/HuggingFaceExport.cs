using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Gpt2.Export;

/// <summary>Writes config.json and model.safetensors as transformers' GPT2LMHeadModel saves them.</summary>
internal static class HuggingFaceExport
{
    private const string Prefix = "transformer.";

    public static void Check(string folder, ExportOptions options)
    {
        if (options.Weights == RawElementType.Q8)
        {
            throw Gpt2Export.Refusal("a Hugging Face folder", "GPT2LMHeadModel has no 8-bit weights of this kind; choose fp32, bf16 or fp16 weights, or GGUF");
        }

        if (File.Exists(folder))
        {
            throw new IOException($"Cannot export a model to '{folder}': it is a file; choose another name for the folder.");
        }
    }

    public static void Write(string folder, Gpt2Config config, WeightWriter weights, ExportOptions options)
    {
        Directory.CreateDirectory(folder);
        string configPath = Path.Combine(folder, ModelFolder.ConfigFileName);
        OutgoingTensor[] tensors =
        [
            .. Gpt2Export.WithBiases(config).Select(parameter =>
            {
                OutgoingTensor tensor = Gpt2Export.Tensor(config, weights, Gpt2NameMap.HuggingFace, parameter.Name, parameter.Shape, options.Weights);
                return parameter.Name == Gpt2NameMap.Head ? tensor : tensor with { Name = Prefix + tensor.Name };
            }),
        ];

        // Configuration last: a crash in between leaves a folder that can't be loaded rather than one that loads wrongly.
        File.Delete(configPath);
        SafetensorsWriter.WriteTensors(
            Path.Combine(folder, ModelFolder.WeightsFileName), tensors, new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" });
        Gpt2ConfigJson.WriteForHuggingFace(configPath, config with { Bias = true }, options);
    }
}
