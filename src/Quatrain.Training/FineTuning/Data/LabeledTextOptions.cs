namespace Quatrain.Training.FineTuning.Data;

/// <summary>What a caller knows of a table; what is null is found out.</summary>
public sealed record LabeledTextOptions
{
    /// <summary>The column or JSON field of the texts: its name, or its number from 1.</summary>
    public string? TextColumn { get; init; }

    /// <summary>The column or JSON field of the labels: its name, or its number from 1.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>Whether the first row holds the columns' names; JSON lines need none.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>The format; where it is null, the file's extension says it, or else the content.</summary>
    public TableFormat? Format { get; init; }
}
