using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CsvHelper;

namespace Quatrain.Training.FineTuning.Data;

/// <summary>Writes a table's rows again in its own format, each with the label it was given and how probable that is.</summary>
/// <remarks>
/// The new columns are the last. They are called <c>label</c> and <c>probability</c>; <c>predicted_label</c> and <c>predicted_probability</c> where the table has one
/// of these already.
/// </remarks>
public sealed class TextTableWriter : IDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly TableSyntax _syntax;
    private readonly Stream _stream;
    private readonly CsvWriter? _writer;

    /// <summary>Begins a table like <paramref name="table"/> with its header, if it has one.</summary>
    /// <param name="table">The table whose rows will be written.</param>
    /// <param name="stream">Where to write; it stays open.</param>
    /// <exception cref="InvalidDataException">The table has columns of the new ones' names.</exception>
    public TextTableWriter(TextTable table, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(stream);
        _syntax = table.Syntax;
        _stream = stream;
        bool isTaken = table.ColumnNames.Contains("label") || table.ColumnNames.Contains("probability");
        LabelName = isTaken ? "predicted_label" : "label";
        ProbabilityName = isTaken ? "predicted_probability" : "probability";
        if (table.ColumnNames.Contains(LabelName) || table.ColumnNames.Contains(ProbabilityName))
        {
            throw new InvalidDataException($"The table has columns for labels and probabilities already, '{LabelName}' among them; take them out or call them something else.");
        }

        if (table.Format != TableFormat.JsonLines)
        {
            _writer = CsvWriter.Create(stream, new CsvWriterOptions
            {
                Separator = _syntax.Separator,
                Mode = _syntax.HasQuotes ? CsvMode.Rfc4180 : CsvMode.NoEscape,
                NewLine = _syntax.NewLine,
                WriteByteOrderMark = _syntax.HasByteOrderMark,
            }, leaveOpen: true);
            if (table.HasHeader)
            {
                WriteCells(table.ColumnNames, LabelName, ProbabilityName);
            }
        }
    }

    /// <summary>The name of the new column with the labels.</summary>
    public string LabelName { get; }

    /// <summary>The name of the new column with the labels' probabilities.</summary>
    public string ProbabilityName { get; }

    /// <summary>Writes <paramref name="row"/> again with its label and the label's probability, in [0, 1], with six decimals.</summary>
    /// <exception cref="InvalidDataException">A JSON object has fields of the new ones' names, or a label does not fit into the table; the message names the line.</exception>
    public void Write(TextTableRow row, string label, double probability)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentException.ThrowIfNullOrEmpty(label);
        string shown = probability.ToString("F6", CultureInfo.InvariantCulture);
        if (_writer is null)
        {
            WriteObject(row, label, shown);
            return;
        }

        if (!_syntax.HasQuotes && label.AsSpan().ContainsAny(_syntax.Separator, '\r', '\n'))
        {
            throw new InvalidDataException($"The label {TableErrors.Quote(label)} has a tab or a line break in it, which a table without quotes can't hold; write CSV.");
        }

        WriteCells(row.Cells, label, shown);
    }

    /// <summary>Writes what is left to the stream.</summary>
    public void Dispose() => _writer?.Dispose();

    private void WriteCells(IReadOnlyList<string?> cells, string label, string probability)
    {
        foreach (string? cell in cells)
        {
            _writer!.WriteField(cell);
        }

        _writer!.WriteField(label);
        _writer.WriteField(probability);
        _writer.EndRecord();
    }

    // The object stays as it is written, so that its numbers and spellings are not touched.
    private void WriteObject(TextTableRow row, string label, string probability)
    {
        using JsonDocument document = JsonDocument.Parse(row.Json);
        if (document.RootElement.TryGetProperty(LabelName, out _) || document.RootElement.TryGetProperty(ProbabilityName, out _))
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The object on line {row.Line} has a field '{LabelName}' or '{ProbabilityName}', which the first object has not; take it out or call it something else."));
        }

        string start = row.Json[..row.Json.LastIndexOf('}')].TrimEnd();
        string comma = document.RootElement.EnumerateObject().Any() ? ", " : "";
        string quoted = JsonEncodedText.Encode(label, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();
        _stream.Write(Utf8.GetBytes($"{start}{comma}\"{LabelName}\": \"{quoted}\", \"{ProbabilityName}\": {probability}}}{_syntax.NewLine}"));
    }
}
