using Quatrain.Models.Checkpoints;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2.Export;

/// <summary>Writes a model in the formats of other programs. Weights are streamed; every file replaces an old one whole.</summary>
public static class Gpt2Export
{
    /// <summary>Refuses, before anything is written, what <see cref="Write"/> would refuse of the model, the options and the path.</summary>
    /// <exception cref="InvalidDataException">The format can't say what the model is; the message says what.</exception>
    /// <exception cref="IOException">The path can't be written.</exception>
    public static void Check(string path, Gpt2Config config, ExportOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        switch (options.Format)
        {
            case ExportFormat.HuggingFace:
                HuggingFaceExport.Check(path, options);
                break;
            case ExportFormat.Gguf:
                GgufExport.Check(config, options);
                break;
            case ExportFormat.LlmC:
                LlmCExport.Check(config, options);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(options));
        }

        if (options.Format != ExportFormat.HuggingFace)
        {
            AtomicFile.RequirePlace(path);
        }
    }

    /// <summary>Writes <paramref name="source"/> to <paramref name="path"/>: a folder for Hugging Face's format, else a file.</summary>
    /// <remarks>A model without biases is given biases of zero where the format knows no model without: it computes the same.</remarks>
    /// <exception cref="InvalidDataException">The format can't say what the model is, or a weight is not finite; the message says what.</exception>
    /// <exception cref="IOException">A file cannot be written; an old one stays as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; old files stay as they were.</exception>
    public static void Write(string path, Gpt2Source source, ExportOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        Check(path, source.Config, options);
        WeightWriter weights = new(source, options.Progress, cancellation);
        switch (options.Format)
        {
            case ExportFormat.HuggingFace:
                HuggingFaceExport.Write(path, source.Config, weights, options);
                break;
            case ExportFormat.Gguf:
                GgufExport.Write(path, source.Config, weights, options);
                break;
            default:
                LlmCExport.Write(path, source.Config, weights, options);
                break;
        }
    }

    /// <summary>The weights that a model of these sizes has with biases, in the order of the model.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> WithBiases(Gpt2Config config) =>
        Gpt2Memory.Parameters(config with { Bias = true }).Select(parameter => (parameter.Name, Gpt2Checkpoint.Sizes(parameter.Shape)));

    /// <summary>A weight as a format wants it; one that the model has not is a bias, of zeros.</summary>
    internal static OutgoingTensor Tensor(Gpt2Config config, WeightWriter weights, Gpt2NameMap names, string parameter, long[] shape, RawElementType type)
    {
        ForeignWeight foreign = names.Translate(parameter);
        long[] foreignShape = foreign.ShapeOf(shape);
        bool isMissing = !config.Bias && parameter.EndsWith(".bias", StringComparison.Ordinal);
        return new OutgoingTensor(foreign.Name, foreignShape, type, stream =>
        {
            if (isMissing)
            {
                weights.WriteZeros(stream, shape[0], type);
            }
            else
            {
                weights.Write(stream, parameter, foreign.Layout == WeightLayout.Transposed, type);
            }
        });
    }

    /// <summary>Refuses what the formats that know GPT-2 only as published can't say.</summary>
    internal static void RequirePublishedActivation(string format, Gpt2Config config)
    {
        if (config.Activation != Activation.GeluTanh)
        {
            throw Refusal(format, $"it uses {config.Activation}, and the format knows GPT-2 with {Activation.GeluTanh} only; export it for Hugging Face");
        }
    }

    /// <summary>The error for a model that a format can't say.</summary>
    internal static InvalidDataException Refusal(string format, string problem) => new($"Cannot export the model as {format}: {problem}.");
}
