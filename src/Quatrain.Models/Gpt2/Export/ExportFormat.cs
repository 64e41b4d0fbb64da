using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;

namespace Quatrain.Models.Gpt2.Export;

/// <summary>The formats that a model can be written in for other programs.</summary>
public enum ExportFormat
{
    /// <summary>A folder that Hugging Face's transformers loads as GPT2LMHeadModel.</summary>
    HuggingFace,

    /// <summary>A file that llama.cpp loads, with its vocabulary.</summary>
    Gguf,

    /// <summary>A file that llm.c loads.</summary>
    LlmC,
}

/// <summary>How a model is exported.</summary>
public sealed record ExportOptions
{
    /// <summary>The format.</summary>
    public required ExportFormat Format { get; init; }

    /// <summary>
    /// How weights are stored. In a GGUF file that goes for matrices but the position embedding, as llama.cpp's programs have it; in the others for all.
    /// </summary>
    public RawElementType Weights { get; init; } = RawElementType.F32;

    /// <summary>The vocabulary that goes into a GGUF file; without one only token ids can be used with it.</summary>
    public GgufVocabulary? Vocabulary { get; init; }

    /// <summary>The token between texts, which Hugging Face's configuration names, or null.</summary>
    public int? EndOfTextId { get; init; }

    /// <summary>A name for people, which a GGUF file holds.</summary>
    public string Name { get; init; } = "gpt2";

    /// <summary>Is told the share of the weights that is written.</summary>
    public IProgress<double>? Progress { get; init; }
}
