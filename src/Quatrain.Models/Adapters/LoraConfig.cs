namespace Quatrain.Models.Adapters;

/// <summary>Which linear layers get a LoRA adapter, and of what kind.</summary>
public sealed record LoraConfig
{
    /// <summary>The largest <see cref="Rank"/>.</summary>
    public const int MostRank = 8192;

    /// <summary>r: the inner width of an adapter.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>alpha: an adapter's product is scaled by alpha / r.</summary>
    public double Alpha { get; init; } = 16;

    /// <summary>The share of a layer's inputs that the adapter, and only it, does not see while it is trained; in [0, 1).</summary>
    public float Dropout { get; init; }

    /// <summary>
    /// The layers' names or the ends of them after a dot, as PEFT's target_modules; * stands for any characters: c_attn, attn.c_proj, mlp.*, h.0.*.
    /// </summary>
    public IReadOnlyList<string> Targets { get; init; } = ["c_attn"];

    /// <summary>PEFT's other way to say which layers: a regular expression for their whole names, or "all-linear"; null where <see cref="Targets"/> says it.</summary>
    public string? TargetExpression { get; init; }

    /// <summary>Whether the scale is alpha / sqrt(r) instead.</summary>
    /// <remarks>Source: Kalajdzievski, "A rank stabilization scaling factor for fine-tuning with LoRA" (2023).</remarks>
    public bool RankStabilized { get; init; }

    /// <summary>What an adapter's product is multiplied by.</summary>
    public float Scale => (float)(Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank));

    /// <summary>Checks that each number can be used.</summary>
    /// <exception cref="InvalidDataException">One can't; the message says which.</exception>
    public void Validate()
    {
        if (Rank is < 1 or > MostRank)
        {
            throw new InvalidDataException($"The LoRA rank is {Rank}; it must lie between 1 and {MostRank}.");
        }

        if (!(Alpha > 0 && float.IsFinite(Scale)))
        {
            throw new InvalidDataException($"The LoRA alpha is {Alpha}; it must be a positive number.");
        }

        if (!(Dropout >= 0 && Dropout < 1))
        {
            throw new InvalidDataException($"The LoRA dropout is {Dropout}; it must lie in [0, 1).");
        }
    }
}
