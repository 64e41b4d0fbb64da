using Quatrain.Models.Gpt2;

namespace Quatrain.Models.Checkpoints.LlmC;

/// <summary>A tensor of llm.c's file.</summary>
/// <param name="Name">As <see cref="Gpt2NameMap.LlmC"/> has it.</param>
/// <param name="Parameter">The model's weight that it is.</param>
/// <param name="Shape">Its sizes, padding not counted.</param>
internal sealed record LlmCTensor(string Name, string Parameter, long[] Shape)
{
    /// <summary>The name of the token embedding.</summary>
    public const string TokenEmbedding = "wte";

    private static readonly string[] BlockParameters =
    [
        "ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
        "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias",
    ];

    /// <summary>All tensors of a model with biases and a tied head, in the order of the file.</summary>
    public static IEnumerable<LlmCTensor> All(Gpt2Config config)
    {
        Dictionary<string, long[]> shapes = Gpt2Memory.Parameters(config).ToDictionary(
            parameter => parameter.Name, parameter => Gpt2Checkpoint.Sizes(parameter.Shape), StringComparer.Ordinal);
        IEnumerable<string> order =
        [
            "wte.weight", "wpe.weight",
            .. BlockParameters.SelectMany(part => Enumerable.Range(0, config.LayerCount).Select(layer => FormattableString.Invariant($"h.{layer}.{part}"))),
            "ln_f.weight", "ln_f.bias",
        ];
        return order.Select(parameter =>
        {
            ForeignWeight foreign = Gpt2NameMap.LlmC.Translate(parameter);
            return new LlmCTensor(foreign.Name, parameter, foreign.ShapeOf(shapes[parameter]));
        });
    }
}
