namespace Quatrain.Training.FineTuning.Data;

/// <summary>A table whose texts are to be classified: its rows are read one by one, so that a table of any length takes little memory.</summary>
public sealed class TextTable
{
    private readonly string _path;
    private readonly TableLayout _layout;

    private TextTable(string path, TableLayout layout)
    {
        _path = path;
        _layout = layout;
    }

    /// <summary>The file's format.</summary>
    public TableFormat Format => _layout.Syntax.Format;

    /// <summary>Whether the first row was taken for the columns' names.</summary>
    public bool HasHeader => _layout.HasHeader;

    /// <summary>The names of the columns, or of the fields of the first JSON object; numbers from 1 where there are no names.</summary>
    public IReadOnlyList<string> ColumnNames => _layout.Names;

    /// <summary>The index of the texts' column.</summary>
    public int TextColumn => _layout.TextColumn;

    /// <summary>The name of the texts' column or JSON field, or its number from 1.</summary>
    public string TextColumnName => _layout.Names[_layout.TextColumn];

    /// <summary>What a message calls the text of <paramref name="row"/>, at the beginning of a sentence.</summary>
    public string Where(TextTableRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return TableErrors.TextOn(_path, row.Line);
    }

    internal TableSyntax Syntax => _layout.Syntax;

    /// <summary>Finds the texts' column of the file at <paramref name="path"/>; <see cref="Rows"/> reads it.</summary>
    /// <remarks>
    /// A header is found by the name of a column, known or given, and otherwise the first row is a text like the others, unless the options say that it is a header.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="options">What is known of it; null to find out everything. The labels' column does not matter.</param>
    /// <exception cref="InvalidDataException">The file can't be read as a table, or does not show which column holds the texts.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static TextTable Open(string path, LabeledTextOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new TextTable(path, TableLayout.Find(path, (options ?? new LabeledTextOptions()) with { LabelColumn = null }, needsLabels: false));
    }

    /// <summary>The rows in the file's order, those without a text among them.</summary>
    /// <exception cref="InvalidDataException">A row can't be read; the message names its line.</exception>
    public IEnumerable<TextTableRow> Rows()
    {
        foreach ((TableReader row, string text) in LabeledTextFile.Rows(_path, _layout))
        {
            yield return new TextTableRow(row.Line, text, row.Cells, row.Json);
        }
    }
}
