using System.Globalization;

namespace Quatrain.Training.FineTuning.Data;

/// <summary>Which column of a table is which, and whether the first row names them.</summary>
/// <param name="Syntax">How the file is written.</param>
/// <param name="Names">The columns' names from the header or the JSON fields; their numbers where there is no header.</param>
/// <param name="HasHeader">Whether the first row holds names; never of JSON lines.</param>
/// <param name="TextColumn">The index of the texts' column.</param>
/// <param name="LabelColumn">The index of the labels' column; -1 where none is asked for.</param>
internal sealed record TableLayout(TableSyntax Syntax, IReadOnlyList<string> Names, bool HasHeader, int TextColumn, int LabelColumn)
{
    /// <summary>How many rows are looked at to find the columns.</summary>
    private const int MostRows = 1000;

    // Names in the order in which they are preferred.
    private static readonly string[] TextNames =
        ["text", "message", "sentence", "content", "sms", "review", "comment", "tweet", "body", "document", "utterance", "query", "question", "input", "v2"];

    private static readonly string[] LabelNames = ["label", "class", "category", "target", "sentiment", "intent", "labels", "tag", "v1"];

    /// <summary>Finds the columns of the file at <paramref name="path"/>: by the caller's words, by known names in the header, by what the columns hold.</summary>
    /// <exception cref="InvalidDataException">They can't be found; the message says which columns there are.</exception>
    public static TableLayout Find(string path, LabeledTextOptions options, bool needsLabels)
    {
        TableSyntax syntax = TableSyntax.Find(path, options.Format);
        using TableReader reader = new(path, syntax);
        if (!reader.Read())
        {
            throw new InvalidDataException($"'{path}' holds no rows; name a file with texts in it.");
        }

        string[] first = [.. reader.Cells.Select(cell => cell?.Trim() ?? "")];
        string[] names = syntax.Format == TableFormat.JsonLines ? reader.FieldNames : first;
        ColumnProfile[] profiles = [.. first.Select(value => new ColumnProfile(value))];
        if (syntax.Format == TableFormat.JsonLines)
        {
            Add(profiles, reader.Cells);
        }

        for (int row = 1; row < MostRows && reader.Read(); row++)
        {
            Add(profiles, reader.Cells);
        }

        return new Search(path, options, names, profiles).Find(syntax, needsLabels);
    }

    private static void Add(ColumnProfile[] profiles, string?[] cells)
    {
        for (int i = 0; i < profiles.Length; i++)
        {
            profiles[i].Add(cells[i]);
        }
    }

    private sealed class Search(string path, LabeledTextOptions options, string[] names, ColumnProfile[] profiles)
    {
        public TableLayout Find(TableSyntax syntax, bool needsLabels)
        {
            bool isJson = syntax.Format == TableFormat.JsonLines;
            bool isNamed = isJson || (options.HasHeader ?? FirstRowNamesColumns());
            int text = Named(options.TextColumn, "--text-column", isNamed);
            int label = needsLabels ? Named(options.LabelColumn, "--label-column", isNamed) : -1;
            if (isNamed)
            {
                text = text >= 0 ? text : Known(TextNames, label);
                label = label >= 0 || !needsLabels ? label : Known(LabelNames, text);
            }

            label = label >= 0 || !needsLabels ? label : LabelsByContent(text, isNamed);
            text = text >= 0 ? text : TextsByContent(label, isNamed);
            if (text == label)
            {
                throw new InvalidDataException(
                    $"{Described(text, isNamed)} of '{path}' can't hold both the texts and the labels; name two columns with --text-column and --label-column.");
            }

            // A header that no known name gives away: labels come again, the name of their column does not.
            bool hasHeader = !isJson && (isNamed ||
                (options.HasHeader is null && label >= 0 && profiles[label].LooksLikeLabels && !profiles[label].FirstComesAgain));
            return new TableLayout(syntax, isNamed || hasHeader ? names : Numbers(), hasHeader, text, label);
        }

        private bool FirstRowNamesColumns() =>
            IsName(options.TextColumn) || IsName(options.LabelColumn)
            || Enumerable.Range(0, names.Length).Any(i => !profiles[i].FirstComesAgain && TextNames.Concat(LabelNames).Contains(names[i], StringComparer.OrdinalIgnoreCase));

        // A number is a column's place rather than a name in the first row.
        private bool IsName(string? column) => column is not null && !column.All(char.IsAsciiDigit) && Index(column) >= 0;

        private int Index(string name)
        {
            int exact = Array.IndexOf(names, name.Trim());
            return exact >= 0 ? exact : Array.FindIndex(names, other => other.Equals(name.Trim(), StringComparison.OrdinalIgnoreCase));
        }

        private int Known(string[] known, int taken)
        {
            foreach (string name in known)
            {
                int index = Index(name);
                if (index >= 0 && index != taken)
                {
                    return index;
                }
            }

            return -1;
        }

        private int Named(string? column, string option, bool isNamed)
        {
            if (column is null)
            {
                return -1;
            }

            int index = isNamed ? Index(column) : -1;
            if (index < 0 && int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                index = number - 1;
            }

            return index >= 0 && index < names.Length
                ? index
                : throw new InvalidDataException($"'{path}' has no column {TableErrors.Quote(column)}; it has {Columns(isNamed)}: choose one with {option}.");
        }

        private int LabelsByContent(int text, bool isNamed)
        {
            int[] others = [.. Enumerable.Range(0, names.Length).Where(i => i != text)];
            int[] found = text >= 0 && others.Length == 1 ? others : [.. others.Where(i => profiles[i].LooksLikeLabels)];
            return found.Length == 1 ? found[0] : throw Undecided("labels", "--label-column", isNamed);
        }

        private int TextsByContent(int label, bool isNamed)
        {
            int[] longest = [.. Enumerable.Range(0, names.Length).Where(i => i != label).OrderByDescending(i => profiles[i].MeanLength)];
            return longest.Length switch
            {
                0 => throw Undecided("texts", "--text-column", isNamed),
                1 => longest[0],
                _ => profiles[longest[0]].MeanLength >= 1.5 * profiles[longest[1]].MeanLength ? longest[0] : throw Undecided("texts", "--text-column", isNamed),
            };
        }

        private InvalidDataException Undecided(string what, string option, bool isNamed) =>
            new($"'{path}' does not show which column holds the {what}; it has {Columns(isNamed)}: choose one with {option}.");

        private string Described(int column, bool isNamed) => $"Column {(isNamed ? TableErrors.Quote(names[column]) : Numbers()[column])}";

        private string Columns(bool isNamed) => isNamed
            ? $"the columns {TableErrors.List(names)}"
            : names.Length == 1 ? "1 column without a name" : $"{names.Length:N0} columns without names, numbered from 1, the first row being {TableErrors.List(names)}";

        private string[] Numbers() => [.. Enumerable.Range(1, names.Length).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }
}
