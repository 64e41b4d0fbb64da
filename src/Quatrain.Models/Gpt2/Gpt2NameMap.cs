namespace Quatrain.Models.Gpt2;

/// <summary>How the elements of a weight lie in a checkpoint, beside the order in which <see cref="Gpt2Model"/> has them.</summary>
internal enum WeightLayout
{
    /// <summary>The same shape, the same order.</summary>
    Same,

    /// <summary>[outputs, inputs] where the model has [inputs, outputs].</summary>
    Transposed,

    /// <summary>The same order, but the shape begins with a 1.</summary>
    LeadingOne,
}

/// <summary>What a naming scheme calls a weight, and how its elements lie there.</summary>
/// <param name="Name">The name in the checkpoint.</param>
/// <param name="Layout">The order of its elements there.</param>
internal readonly record struct ForeignWeight(string Name, WeightLayout Layout)
{
    /// <summary>The shape in the checkpoint of a weight that has <paramref name="shape"/> in the model.</summary>
    public long[] ShapeOf(long[] shape) => Layout switch
    {
        WeightLayout.Transposed => [.. shape.Reverse()],
        WeightLayout.LeadingOne => [1, .. shape],
        _ => shape,
    };
}

/// <summary>What one kind of checkpoint calls GPT-2's weights.</summary>
/// <remarks>
/// The model's own names are those of Hugging Face's files. Sources: transformers, modeling_gpt2.py; nanoGPT, model.py; llama.cpp, gguf-py's
/// tensor_mapping.py; OpenAI's gpt-2, model.py; llm.c, train_gpt2.py.
/// </remarks>
internal sealed class Gpt2NameMap
{
    /// <summary>The head's name in the model.</summary>
    public const string Head = "lm_head.weight";

    private static readonly string[] LinearWeights =
        ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"];

    private readonly Func<int, string> _block;
    private readonly IReadOnlyDictionary<string, string> _names;
    private readonly WeightLayout _linearLayout;

    private Gpt2NameMap(string scheme, IReadOnlyDictionary<string, string> names, Func<int, string> block, WeightLayout linearLayout, string optionalPrefix = "")
    {
        Scheme = scheme;
        OptionalPrefix = optionalPrefix;
        _names = names;
        _block = block;
        _linearLayout = linearLayout;
    }

    /// <summary>Hugging Face's safetensors and PyTorch files; linear weights are Conv1D's, [in, out].</summary>
    public static Gpt2NameMap HuggingFace { get; } = new(
        "Hugging Face", Published(""), layer => $"h.{layer}.", WeightLayout.Same, optionalPrefix: "transformer.");

    /// <summary>nanoGPT's checkpoints; linear weights are PyTorch's, [out, in], and a compiled model's names begin with "_orig_mod.".</summary>
    public static Gpt2NameMap NanoGpt { get; } = new(
        "nanoGPT", Published("transformer."), layer => $"transformer.h.{layer}.", WeightLayout.Transposed, optionalPrefix: "_orig_mod.");

    /// <summary>GGUF files as llama.cpp names them; linear weights are [out, in].</summary>
    public static Gpt2NameMap Gguf { get; } = new(
        "GGUF",
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["wte.weight"] = "token_embd.weight",
            ["wpe.weight"] = "position_embd.weight",
            ["ln_f"] = "output_norm",
            [Head] = "output.weight",
            ["ln_1"] = "attn_norm",
            ["attn.c_attn"] = "attn_qkv",
            ["attn.c_proj"] = "attn_output",
            ["ln_2"] = "ffn_norm",
            ["mlp.c_fc"] = "ffn_up",
            ["mlp.c_proj"] = "ffn_down",
            ["weight"] = ".weight",
            ["bias"] = ".bias",
        },
        layer => $"blk.{layer}.",
        WeightLayout.Transposed);

    /// <summary>OpenAI's TensorFlow checkpoints; linear weights are convolutions of width one, [1, in, out].</summary>
    public static Gpt2NameMap TensorFlow { get; } = new(
        "TensorFlow",
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["wte.weight"] = "model/wte",
            ["wpe.weight"] = "model/wpe",
            ["ln_f"] = "model/ln_f",
            [Head] = "model/lm_head",
            ["ln_1"] = "ln_1",
            ["attn.c_attn"] = "attn/c_attn",
            ["attn.c_proj"] = "attn/c_proj",
            ["ln_2"] = "ln_2",
            ["mlp.c_fc"] = "mlp/c_fc",
            ["mlp.c_proj"] = "mlp/c_proj",
            ["weight"] = "/w",
            ["norm weight"] = "/g",
            ["bias"] = "/b",
        },
        layer => $"model/h{layer}/",
        WeightLayout.LeadingOne);

    /// <summary>llm.c's files, whose tensors go by the names of the program's fields, each layer's share by itself; linear weights are [out, in].</summary>
    public static Gpt2NameMap LlmC { get; } = new(
        "llm.c",
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["wte.weight"] = "wte",
            ["wpe.weight"] = "wpe",
            ["ln_f"] = "lnf",
            [Head] = "lm_head",
            ["ln_1"] = "ln1",
            ["attn.c_attn"] = "qkv",
            ["attn.c_proj"] = "attproj",
            ["ln_2"] = "ln2",
            ["mlp.c_fc"] = "fc",
            ["mlp.c_proj"] = "fcproj",
            ["weight"] = "w",
            ["bias"] = "b",
        },
        layer => $"h.{layer}.",
        WeightLayout.Transposed);

    /// <summary>The scheme's name, for messages.</summary>
    public string Scheme { get; }

    /// <summary>What each name in the file may or may not begin with; empty for nothing.</summary>
    public string OptionalPrefix { get; }

    /// <summary>What the scheme calls the model's weight <paramref name="parameter"/>, for example h.0.attn.c_attn.weight.</summary>
    public ForeignWeight Translate(string parameter)
    {
        if (_names.TryGetValue(parameter, out string? whole))
        {
            return new ForeignWeight(whole, WeightLayout.Same);
        }

        string block = "";
        string part = parameter;
        if (parameter.Split('.', 3) is ["h", string layer, string rest])
        {
            block = _block(int.Parse(layer, System.Globalization.CultureInfo.InvariantCulture));
            part = rest;
        }

        int dot = part.LastIndexOf('.');
        string module = part[..dot], kind = part[(dot + 1)..];
        bool isNormWeight = kind == "weight" && module.StartsWith("ln_", StringComparison.Ordinal);
        string ending = isNormWeight && _names.TryGetValue("norm weight", out string? special) ? special : _names[kind];
        WeightLayout layout = LinearWeights.Contains(part) ? _linearLayout : WeightLayout.Same;
        return new ForeignWeight($"{block}{_names[module]}{ending}", layout);
    }

    /// <summary>
    /// Whether a tensor of that name, the optional prefix taken away, is no weight: h.N.attn.bias and h.N.attn.masked_bias are the causal mask, which
    /// old versions of Hugging Face's and nanoGPT's classes saved.
    /// </summary>
    public static bool IsMask(string name)
    {
        const string Inner = "transformer.";
        string own = name.StartsWith(Inner, StringComparison.Ordinal) ? name[Inner.Length..] : name;
        return own.Split('.') is ["h", string layer, "attn", "bias" or "masked_bias"] && layer.Length > 0 && !layer.AsSpan().ContainsAnyExceptInRange('0', '9');
    }

    // The published names, of which only those outside blocks carry the prefix; a block's prefix names it.
    private static Dictionary<string, string> Published(string prefix)
    {
        Dictionary<string, string> names = new(StringComparer.Ordinal)
        {
            ["wte.weight"] = $"{prefix}wte.weight",
            ["wpe.weight"] = $"{prefix}wpe.weight",
            ["ln_f"] = $"{prefix}ln_f",
            [Head] = Head,
            ["weight"] = ".weight",
            ["bias"] = ".bias",
        };
        foreach (string module in (ReadOnlySpan<string>)["ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"])
        {
            names[module] = module;
        }

        return names;
    }
}
