using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using CsvHelper;

namespace Quatrain.Training.FineTuning.Data;

/// <summary>Reads a table's rows one by one, with as much memory as a row may take.</summary>
internal sealed class TableReader : IDisposable
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly string _path;
    private readonly TableSyntax _syntax;
    private readonly CsvReader _reader;
    private int _columnCount;
    private CsvMalformedReason? _malformed;

    public TableReader(string path, TableSyntax syntax)
    {
        _path = path;
        _syntax = syntax;
        _reader = CsvReader.Create(TableSyntax.OpenFile(path), syntax.ReaderOptions() with { OnMalformedRecord = record => _malformed = record.Reason });
    }

    /// <summary>The fields of the first object of JSON lines, which are the table's columns; empty before the first row and for other formats.</summary>
    public string[] FieldNames { get; private set; } = [];

    /// <summary>The line on which the row begins, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The row's cells, as many as the first row has; null where a JSON object has no text, number or truth value of that name.</summary>
    public string?[] Cells { get; private set; } = [];

    /// <summary>The row as it is written, of JSON lines only.</summary>
    public string Json { get; private set; } = "";

    /// <summary>Moves to the next row that is not an empty line; false at the end.</summary>
    /// <exception cref="InvalidDataException">The row can't be read; the message names its line.</exception>
    public bool Read()
    {
        do
        {
            _malformed = null;
            try
            {
                if (!_reader.Read())
                {
                    return false;
                }
            }
            catch (CsvFormatException error)
            {
                Line = Math.Max(error.LineNumber, Line + 1);
                throw TooLong(error);
            }

            Line = _reader.LineNumber;
            Require(_reader.RawRecord);
        }
        while (_syntax.Format == TableFormat.JsonLines && _reader.RawRecord.Trim(" \t"u8).IsEmpty);

        if (_syntax.Format == TableFormat.JsonLines)
        {
            ReadObject();
        }
        else
        {
            ReadCells();
        }

        return true;
    }

    /// <summary>The complaint about the row.</summary>
    public InvalidDataException Invalid(string problem, string remedy, Exception? inner = null) =>
        TableErrors.OnLine(_path, Line, problem, remedy, inner);

    public void Dispose() => _reader.Dispose();

    private void Require(ReadOnlySpan<byte> row)
    {
        if (row.Length > TableSyntax.MaxRowBytes)
        {
            throw TooLong(null);
        }

        if (row.Contains((byte)0))
        {
            throw Invalid("there is a NUL byte", "name a file of text");
        }

        if (!Utf8.IsValid(row))
        {
            throw Invalid("there is text that is not valid UTF-8", "convert the file to UTF-8");
        }
    }

    private void ReadCells()
    {
        if (_malformed is { } reason && (reason != CsvMalformedReason.StrayQuote || HasOpenQuote()))
        {
            throw Invalid("there is a quote that is never closed, or text after the quote that closes a cell", "write each quote in a quoted cell twice, and close the cell");
        }

        if (_columnCount == 0)
        {
            _columnCount = _reader.FieldCount;
            if (_columnCount > TableSyntax.MaxColumns)
            {
                throw Invalid($"there are {_columnCount:N0} columns, over the limit of {TableSyntax.MaxColumns:N0}", "name a table of texts and labels");
            }
        }
        else if (_reader.FieldCount != _columnCount)
        {
            throw Invalid(
                $"there is a row of {Columns(_reader.FieldCount)}, but the first row has {_columnCount:N0}",
                _syntax.HasQuotes ? "put quotes around text with separators in it" : "take the tabs out of the text");
        }

        Cells = new string[_columnCount];
        for (int i = 0; i < Cells.Length; i++)
        {
            Cells[i] = _reader.GetString(i);
        }
    }

    // A quote inside a cell without quotes is text. But a row's first trouble is the only one reported.
    private bool HasOpenQuote()
    {
        for (int i = 0; i < _reader.FieldCount; i++)
        {
            ReadOnlySpan<byte> cell = _reader.GetRawSpan(i);
            if (cell is [(byte)'"'] || (cell is [(byte)'"', .., var last] && last != '"'))
            {
                return true;
            }
        }

        return false;
    }

    private static string Columns(int count) => count == 1 ? "1 column" : $"{count:N0} columns";

    private void ReadObject()
    {
        Json = Encoding.UTF8.GetString(_reader.RawRecord);
        try
        {
            using JsonDocument document = JsonDocument.Parse(Json, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Invalid("there is no JSON object", "write one object a line, such as {\"text\": \"...\", \"label\": \"...\"}");
            }

            if (FieldNames.Length == 0)
            {
                FieldNames = [.. document.RootElement.EnumerateObject().Select(field => field.Name)];
                if (FieldNames.Length is 0 or > TableSyntax.MaxColumns)
                {
                    throw Invalid($"there is an object of {FieldNames.Length:N0} fields", "write objects such as {\"text\": \"...\", \"label\": \"...\"}");
                }
            }

            Cells = [.. FieldNames.Select(name => document.RootElement.TryGetProperty(name, out JsonElement value) ? TextOf(value) : null)];
        }
        catch (JsonException error)
        {
            throw Invalid("there is no valid JSON object", "write one object a line, such as {\"text\": \"...\", \"label\": \"...\"}", error);
        }
        catch (InvalidOperationException error)
        {
            // What System.Text.Json throws for strings that are not valid Unicode.
            throw Invalid("there is text that is not valid Unicode", "write only whole surrogate pairs", error);
        }
    }

    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };

    private InvalidDataException TooLong(Exception? inner) => Invalid(
        FormattableString.Invariant($"there begins a row of more than {TableSyntax.MaxRowBytes:N0} bytes"),
        "cut the text, or close the quote that swallows the lines after it",
        inner);
}
