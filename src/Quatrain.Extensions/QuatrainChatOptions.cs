using Quatrain.Inference.Chat;
using Quatrain.Tensors;

namespace Quatrain.Extensions;

/// <summary>How a <see cref="QuatrainChatClient"/> opens its model.</summary>
public sealed class QuatrainChatOptions
{
    /// <summary>Worker threads; 0 means one for each physical core. Replies are the same for any number.</summary>
    public int Threads { get; set; }

    /// <summary>What the weights are held as; null for what the file has.</summary>
    public WeightFormat? Weights { get; set; }

    /// <summary>How prompts are written; null for what the model's <c>chat.json</c> says, which must be there then.</summary>
    public PromptStyle? Style { get; set; }

    /// <summary>The system text of conversations that bring none of their own; null for the one of <c>chat.json</c>, or none.</summary>
    public string? System { get; set; }
}
