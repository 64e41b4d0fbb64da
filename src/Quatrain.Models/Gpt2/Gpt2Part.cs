namespace Quatrain.Models.Gpt2;

/// <summary>What a step works on where not all of a model is trained, or something else than the next token is learned.</summary>
public readonly record struct Gpt2Part
{
    /// <summary>The stages from below that no gradient reaches, as <see cref="Gpt2Model.StageCount"/> counts them. Their results are given to the step; 0 for none.</summary>
    public required int FrozenStages { get; init; }

    /// <summary>The rows that the last block's feed-forward and what follows it work for; null for all.</summary>
    public int? Rows { get; init; }

    /// <summary>The sequences whose means the head reads; null where it reads rows.</summary>
    public int? Sequences { get; init; }

    /// <summary>What the head gives for each thing it reads: K classes, or V tokens.</summary>
    public required int Outputs { get; init; }
}
