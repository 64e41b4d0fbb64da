namespace Quatrain.Training.FineTuning.Data;

/// <summary>Reads texts with labels from a CSV, TSV or JSON lines file.</summary>
public static class LabeledTextFile
{
    // Bounds on what is kept: texts of so many characters in all, and so many of them.
    private const long MaxCharacters = 500_000_000;
    private const int MaxExamples = 5_000_000;
    private const int MaxLabelCharacters = 200;

    /// <summary>The texts of the file at <paramref name="path"/> and their labels.</summary>
    /// <remarks>
    /// Text is UTF-8 whatever the locale, with or without a byte order mark, with Windows' line ends or others, and stays as it is in the cell. Labels lose the white space around
    /// them. Rows without a text are left out and counted.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="options">What is known of it; null to find out everything.</param>
    /// <exception cref="InvalidDataException">The file can't be read as such a table, or has fewer than two classes; the message names the line where there is one.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static LabeledTexts Load(string path, LabeledTextOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        TableLayout layout = TableLayout.Find(path, options ?? new LabeledTextOptions(), needsLabels: true);
        List<LabeledText> examples = [];
        Dictionary<string, string> labels = new(StringComparer.Ordinal);
        int emptyTexts = 0;
        long firstEmptyText = 0;
        long characters = 0;
        foreach ((TableReader row, string text) in Rows(path, layout))
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                emptyTexts++;
                firstEmptyText = firstEmptyText == 0 ? row.Line : firstEmptyText;
                continue;
            }

            string label = LabelOf(row, layout);
            // One string a class instead of one a row.
            label = labels.TryAdd(label, label) ? label : labels[label];
            examples.Add(new LabeledText(text, label, row.Line));
            characters += text.Length;
            if (characters > MaxCharacters || examples.Count > MaxExamples)
            {
                throw new InvalidDataException(FormattableString.Invariant(
                    $"'{path}' holds more than {MaxExamples:N0} texts or {MaxCharacters:N0} characters of text; use a part of it."));
            }
        }

        if (examples.Count == 0)
        {
            throw new InvalidDataException(emptyTexts > 0
                ? $"Column {TableErrors.Quote(layout.Names[layout.TextColumn])} of '{path}' holds no text in any row; choose another with --text-column."
                : $"'{path}' holds no rows; name a file with texts in it.");
        }

        return labels.Count > 1
            ? new LabeledTexts(examples)
            {
                EmptyTexts = emptyTexts,
                FirstEmptyTextLine = firstEmptyText,
                Format = layout.Syntax.Format,
                HasHeader = layout.HasHeader,
                TextColumnName = layout.Names[layout.TextColumn],
                LabelColumnName = layout.Names[layout.LabelColumn],
            }
            : throw new InvalidDataException(
                $"Every text of '{path}' has the label {TableErrors.Quote(examples[0].Label)}; a classifier needs two labels at least, "
                + "so add texts of another, or choose the column with --label-column.");
    }

    /// <summary>Every row of a table after its header, with its text.</summary>
    internal static IEnumerable<(TableReader Row, string Text)> Rows(string path, TableLayout layout)
    {
        using TableReader reader = new(path, layout.Syntax);
        bool isHeader = layout.HasHeader;
        while (reader.Read())
        {
            if (isHeader)
            {
                isHeader = false;
                continue;
            }

            yield return (reader, reader.Cells[layout.TextColumn] ?? throw reader.Invalid(
                $"the field {TableErrors.Quote(layout.Names[layout.TextColumn])} is absent or no text", "give every object its text"));
        }
    }

    private static string LabelOf(TableReader row, TableLayout layout)
    {
        string label = row.Cells[layout.LabelColumn]?.Trim() ?? "";
        if (label.Length == 0)
        {
            throw row.Invalid($"there is no label in column {TableErrors.Quote(layout.Names[layout.LabelColumn])}", "write one, or take the row out");
        }

        return label.Length <= MaxLabelCharacters && !label.Any(char.IsControl)
            ? label
            : throw row.Invalid(
                $"the label {TableErrors.Quote(label)} has more than {MaxLabelCharacters} characters, or a line break or a tab in it",
                "choose the column of the labels with --label-column");
    }
}
