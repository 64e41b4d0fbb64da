using System.CommandLine;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Cli.Hosting;

/// <summary>The options that say how a table of texts is read.</summary>
/// <param name="labels">What the column of labels is for.</param>
internal sealed class ColumnOptionSet(string labels)
{
    private readonly Option<string?> _text = new("--text-column") { Description = "The column or field of the texts, by its name or its number from 1; default: found out.", HelpName = "column" };
    private readonly Option<string?> _label = new("--label-column") { Description = labels, HelpName = "column" };
    private readonly Option<bool?> _header = new("--header") { Description = "Whether the first row holds the columns' names; default: found out.", HelpName = "true|false" };
    private readonly Option<string?> _format = new("--format") { Description = "csv, tsv or jsonl; default: by the file's ending, else by its content.", HelpName = "format" };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_text);
        command.Options.Add(_label);
        command.Options.Add(_header);
        command.Options.Add(_format);
    }

    /// <exception cref="InvalidDataException">The format is none of the three.</exception>
    public LabeledTextOptions Parse(ParseResult parsed) => new()
    {
        TextColumn = parsed.GetValue(_text),
        LabelColumn = parsed.GetValue(_label),
        HasHeader = parsed.GetValue(_header),
        Format = parsed.GetValue(_format) switch
        {
            null => null,
            "csv" => TableFormat.Csv,
            "tsv" => TableFormat.Tsv,
            "jsonl" => TableFormat.JsonLines,
            string other => throw new InvalidDataException($"--format is '{other}'; it must be csv, tsv or jsonl."),
        },
    };
}
