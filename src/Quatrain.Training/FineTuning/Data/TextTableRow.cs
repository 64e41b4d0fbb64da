namespace Quatrain.Training.FineTuning.Data;

/// <summary>A row of a table of texts.</summary>
public sealed class TextTableRow
{
    internal TextTableRow(long line, string text, IReadOnlyList<string?> cells, string json)
    {
        Line = line;
        Text = text;
        Cells = cells;
        Json = json;
    }

    /// <summary>The line of the file on which the row begins, from 1.</summary>
    public long Line { get; }

    /// <summary>The text to classify; it may be empty.</summary>
    public string Text { get; }

    /// <summary>All cells; null where a JSON object has no text, number or truth value of the column's name.</summary>
    public IReadOnlyList<string?> Cells { get; }

    internal string Json { get; }
}
