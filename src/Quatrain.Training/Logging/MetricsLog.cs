using System.Buffers;
using System.Text.Json;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Training.Logging;

/// <summary>A run's <c>metrics.jsonl</c>: one JSON object a line, handed to the system line by line so that a crash loses at most the last.</summary>
public sealed class MetricsLog : IDisposable
{
    private const long MaximumFileBytes = 1L << 30;
    private const int MaximumLineBytes = 1 << 16;

    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _line = new(256);
    private readonly Utf8JsonWriter _writer;

    private MetricsLog(string path, FileMode mode)
    {
        _file = new FileStream(path, mode, FileAccess.Write, FileShare.Read);
        _writer = new Utf8JsonWriter(_line);
    }

    /// <summary>Starts a new log; one that is there is overwritten.</summary>
    public static MetricsLog Create(string path) => new(path, FileMode.Create);

    /// <summary>Goes on with the log of a run that is resumed after update <paramref name="step"/>; what it holds of later is dropped.</summary>
    /// <param name="path">The file, which need not be there.</param>
    /// <param name="step">The update.</param>
    /// <param name="evaluatedStep">The update after which the run was last evaluated, -1 if it never was.</param>
    /// <exception cref="InvalidDataException">The file is no log.</exception>
    public static MetricsLog Resume(string path, long step, long evaluatedStep)
    {
        TruncateAfter(path, step, evaluatedStep);
        return new MetricsLog(path, FileMode.Append);
    }

    /// <summary>Adds one line.</summary>
    public void Append(MetricRecord record)
    {
        _line.ResetWrittenCount();
        _writer.Reset(_line);
        MetricJson.Write(_writer, record);
        _writer.Flush();
        _line.Write("\n"u8);
        _file.Write(_line.WrittenSpan);
        _file.Flush();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _writer.Dispose();
        _file.Dispose();
    }

    /// <summary>All records of a log, without a last line that a crash tore.</summary>
    /// <exception cref="InvalidDataException">The file is no log; the message names the line.</exception>
    public static IReadOnlyList<MetricRecord> Read(string path)
    {
        using FileStream file = Open(path);
        if (file.Length > MaximumFileBytes)
        {
            throw new InvalidDataException($"'{path}' is over {MaximumFileBytes >> 30} GiB, too long to be read as a metrics log.");
        }

        List<MetricRecord> records = [];
        foreach ((_, MetricRecord? record) in ReadLines(file, path))
        {
            if (record is not null)
            {
                records.Add(record);
            }
        }

        return records;
    }

    /// <summary>
    /// Drops the lines of updates after <paramref name="step"/>, those of evaluations after <paramref name="evaluatedStep"/> and a torn last line,
    /// so that a resumed run's log goes on as if it had never stopped; a crash meanwhile leaves the old file. Does nothing where there is no file.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="step">The last update to keep.</param>
    /// <param name="evaluatedStep">
    /// The last evaluation to keep. It may lie before <paramref name="step"/> even if that was evaluated: a run that is stopped during an evaluation is saved
    /// without it, and a resumed one may crash after it has evaluated and before it is saved again.
    /// </param>
    /// <exception cref="InvalidDataException">The file is no log; the message names the line.</exception>
    public static void TruncateAfter(string path, long step, long evaluatedStep)
    {
        if (File.Exists(path) && CopyUpTo(step, evaluatedStep, path, Stream.Null))
        {
            AtomicFile.Write(path, kept => CopyUpTo(step, evaluatedStep, path, kept));
        }
    }

    // True if the copy differs from the file.
    private static bool CopyUpTo(long step, long evaluatedStep, string path, Stream destination)
    {
        using FileStream file = Open(path);
        long copied = 0;
        foreach ((ReadOnlyMemory<byte> line, MetricRecord? record) in ReadLines(file, path))
        {
            if (record?.Step <= (record is EvaluationRecord ? evaluatedStep : step))
            {
                destination.Write(line.Span);
                destination.Write("\n"u8);
                copied += line.Length + 1;
            }
        }

        return copied != file.Length;
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);

    // Lines without their ends; the record of a torn last line is null. A line's memory holds until the next.
    private static IEnumerable<(ReadOnlyMemory<byte> Line, MetricRecord? Record)> ReadLines(Stream stream, string path)
    {
        byte[] buffer = new byte[MaximumLineBytes];
        int start = 0, end = 0;
        long number = 0;
        bool isAtEnd = false, isTorn = false;
        while (!isAtEnd || start < end)
        {
            int length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length < 0 && !isAtEnd)
            {
                buffer.AsSpan(start, end - start).CopyTo(buffer);
                (start, end) = (0, end - start);
                if (end == buffer.Length)
                {
                    throw new InvalidDataException($"'{path}' is no metrics log: line {number + 1} is over {MaximumLineBytes} bytes.");
                }

                int read = stream.Read(buffer, end, buffer.Length - end);
                isAtEnd = read == 0;
                end += read;
                continue;
            }

            if (isTorn)
            {
                throw new InvalidDataException($"'{path}' is no metrics log: line {number} is no record; delete the line to go on.");
            }

            number++;
            ReadOnlyMemory<byte> line = buffer.AsMemory(start, length < 0 ? end - start : length);
            start += line.Length + (length < 0 ? 0 : 1);
            isTorn = !MetricJson.TryParse(line.Span, out MetricRecord record);
            yield return (line, isTorn ? null : record);
        }
    }
}
