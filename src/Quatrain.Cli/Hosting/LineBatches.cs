using System.Text;
using System.Threading.Channels;

namespace Quatrain.Cli.Hosting;

/// <summary>The lines of standard input, several at a time where they come faster than they are used, and each at once where they come slowly.</summary>
internal static class LineBatches
{
    private const int LongestLine = 1 << 20;

    /// <summary>What a message calls a line, counted from 1, at the beginning of a sentence.</summary>
    public static string Where(long line) => FormattableString.Invariant($"Line {line} of standard input");

    /// <summary>Reads to the end, with at most <paramref name="most"/> lines in a batch.</summary>
    /// <param name="reader">The lines. A read of it may still wait after the caller has cancelled, so it is not disposed of.</param>
    /// <param name="most">The most lines of a batch.</param>
    /// <param name="cancellation">Ends the waiting for a line.</param>
    /// <exception cref="InvalidDataException">A line is too long or not valid UTF-8; all lines before it have come.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static IEnumerable<string[]> Read(TextReader reader, int most, CancellationToken cancellation)
    {
        Channel<string> lines = Channel.CreateBounded<string>(most);
        _ = Task.Run(() => SendAsync(reader, lines.Writer, cancellation), CancellationToken.None);
        List<string> batch = new(most);
        while (lines.Reader.WaitToReadAsync(cancellation).AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < most && lines.Reader.TryRead(out string? line))
            {
                batch.Add(line);
            }

            yield return [.. batch];
            batch.Clear();
        }
    }

    private static async Task SendAsync(TextReader reader, ChannelWriter<string> lines, CancellationToken cancellation)
    {
        try
        {
            StringBuilder line = new();
            for (long number = 1; PromptFile.ReadLine(reader, line, Where(number), LongestLine); number++)
            {
                await lines.WriteAsync(line.ToString(), cancellation);
            }

            lines.Complete();
        }
        catch (Exception e)
        {
            // Whoever waits for the next line gets it.
            lines.Complete(e);
        }
    }
}
