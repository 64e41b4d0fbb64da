namespace Quatrain.Models.Adapters;

/// <summary>What an adapter is for.</summary>
public enum AdapterTask
{
    /// <summary>A language model.</summary>
    CausalLanguageModel,

    /// <summary>A classifier of whole texts, whose head lies beside the adapter's tensors.</summary>
    SequenceClassification,
}

/// <summary>What adapter_config.json says.</summary>
/// <param name="Lora">Which layers have adapters, and of what kind.</param>
/// <param name="BaseModel">The model it was trained with: a path, or the name of a published one; empty where the file has none.</param>
/// <param name="Task">What it is for.</param>
/// <param name="SavedModules">The layers that were trained whole and lie beside the adapter's tensors, for example score.</param>
public sealed record AdapterDescription(LoraConfig Lora, string BaseModel, AdapterTask Task, IReadOnlyList<string> SavedModules);
