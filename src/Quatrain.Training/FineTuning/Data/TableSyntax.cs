using CsvHelper;

namespace Quatrain.Training.FineTuning.Data;

/// <summary>How the rows of one file are written.</summary>
/// <param name="Format">The format.</param>
/// <param name="Separator">What stands between two cells; unused by JSON lines.</param>
/// <param name="HasQuotes">Whether quotes enclose cells; otherwise they are text.</param>
/// <param name="NewLine">What ends the first row.</param>
/// <param name="HasByteOrderMark">Whether the file begins with a byte order mark.</param>
internal sealed record TableSyntax(TableFormat Format, char Separator, bool HasQuotes, string NewLine, bool HasByteOrderMark)
{
    /// <summary>The most bytes of a row: far more than any model reads, and a bound on what a hostile file makes us keep.</summary>
    public const int MaxRowBytes = 1 << 20;

    /// <summary>The most columns of a table.</summary>
    public const int MaxColumns = 1000;

    private const int HeadBytes = 1 << 16;

    private static ReadOnlySpan<byte> Utf8Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>Finds how the file at <paramref name="path"/> is written.</summary>
    /// <exception cref="InvalidDataException">There is no such file, or it is not text.</exception>
    public static TableSyntax Find(string path, TableFormat? known)
    {
        byte[] head = ReadHead(path);
        bool hasMark = head.AsSpan().StartsWith(Utf8Mark);
        ReadOnlySpan<byte> start = head.AsSpan(hasMark ? Utf8Mark.Length : 0);
        TableFormat format = known ?? FormatOf(path, start);
        if (format == TableFormat.JsonLines && start.TrimStart(" \t\r\n"u8).StartsWith("["u8))
        {
            throw new InvalidDataException($"'{path}' holds a JSON array; write one object a line (JSON lines).");
        }

        int end = start.IndexOf((byte)'\n');
        TableSyntax syntax = new(format, ',', HasQuotes: true, end > 0 && start[end - 1] == '\r' ? "\r\n" : "\n", hasMark);
        return format switch
        {
            // No text of JSON may hold this character as it is, so a line is one cell.
            TableFormat.JsonLines => syntax with { Separator = '\u0001', HasQuotes = false },
            TableFormat.Tsv => syntax with { Separator = '\t', HasQuotes = QuotesEncloseCells(path) },
            _ => syntax with { Separator = FindSeparator(path) },
        };
    }

    /// <summary>What CsvHelper has to know to read the file.</summary>
    public CsvReaderOptions ReaderOptions() => new()
    {
        Separator = Separator,
        HasHeader = false,
        Mode = HasQuotes ? CsvMode.Rfc4180 : CsvMode.NoEscape,
        MaxRecordSize = MaxRowBytes,
        TrackLineNumbers = true,
    };

    /// <summary>Opens the file for CsvHelper, which closes it.</summary>
    public static FileStream OpenFile(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);

    private static byte[] ReadHead(string path)
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException(Directory.Exists(path)
                ? $"'{path}' is a folder; name a file of texts."
                : $"There is no file '{path}'; check the path.");
        }

        using FileStream file = OpenFile(path);
        if (!file.CanSeek)
        {
            throw new InvalidDataException($"'{path}' can be read only once, but is read several times; save it as a file first.");
        }

        byte[] head = new byte[HeadBytes];
        head = head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new InvalidDataException($"'{path}' is UTF-16 text; save it as UTF-8.");
        }

        return head;
    }

    private static TableFormat FormatOf(string path, ReadOnlySpan<byte> start)
    {
        switch (Path.GetExtension(path).ToUpperInvariant())
        {
            case ".CSV": return TableFormat.Csv;
            case ".TSV" or ".TAB": return TableFormat.Tsv;
            case ".JSONL" or ".NDJSON" or ".JSON": return TableFormat.JsonLines;
        }

        start = start.TrimStart(" \t\r\n"u8);
        if (start.StartsWith("{"u8) || start.StartsWith("["u8))
        {
            return TableFormat.JsonLines;
        }

        int end = start.IndexOf((byte)'\n');
        return (end < 0 ? start : start[..end]).Contains((byte)'\t') ? TableFormat.Tsv : TableFormat.Csv;
    }

    private static char FindSeparator(string path)
    {
        using CsvReader reader = CsvReader.Create(OpenFile(path), new CsvReaderOptions { HasHeader = false, MaxRecordSize = MaxRowBytes, DetectSeparatorHint = false });
        try
        {
            return reader.Separator;
        }
        catch (CsvFormatException)
        {
            // Reading the rows will say what is wrong with them.
            return ',';
        }
    }

    // Some programs write TSV with RFC 4180's quotes, others every quote as it is, and no mark tells which. A program that encloses cells encloses each that has a
    // quote in it, so one quote out of place shows that none encloses anything.
    private static bool QuotesEncloseCells(string path)
    {
        CsvReaderOptions options = new()
        {
            Separator = '\t',
            HasHeader = false,
            MalformedData = CsvMalformedDataHandling.Throw,
            MaxRecordSize = MaxRowBytes,
        };
        using CsvReader reader = CsvReader.Create(OpenFile(path), options);
        bool hasQuotes = false;
        try
        {
            while (reader.Read())
            {
                hasQuotes |= reader.RawRecord.Contains((byte)'"');
            }

            return hasQuotes;
        }
        catch (CsvFormatException)
        {
            return false;
        }
    }
}
