namespace Quatrain.Training.FineTuning.Data;

/// <summary>The complaints about tables.</summary>
internal static class TableErrors
{
    private const int MostNames = 10;
    private const int MostCharacters = 40;

    /// <summary>One row is wrong.</summary>
    public static InvalidDataException OnLine(string path, long line, string problem, string remedy, Exception? inner = null) =>
        new(FormattableString.Invariant($"'{path}' can't be used: on line {line} {problem}; {remedy}."), inner);

    /// <summary>The text of a row, at the beginning of a sentence.</summary>
    public static string TextOn(string path, long line) => FormattableString.Invariant($"The text on line {line} of '{path}'");

    /// <summary>A value of the file as a message may show it: in quotes, on one line and not too long.</summary>
    public static string Quote(string value)
    {
        string shown = value.Length > MostCharacters ? value[..MostCharacters] + "..." : value;
        return $"'{string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? ' ' : c))}'";
    }

    /// <summary>The first of some values, for a message.</summary>
    public static string List(IReadOnlyCollection<string> values)
    {
        string list = string.Join(", ", values.Take(MostNames).Select(Quote));
        return values.Count > MostNames ? FormattableString.Invariant($"{list} and {values.Count - MostNames:N0} more") : list;
    }
}
