using System.Diagnostics;
using System.Globalization;

namespace Quatrain.Cli.Display;

/// <summary>Shows on a terminal how far the generation of many texts is: one line that is written over.</summary>
/// <param name="error">Where it is shown.</param>
/// <param name="total">The number of texts, or null where nobody knows yet.</param>
/// <param name="isLive">Whether there is a terminal; otherwise nothing is shown.</param>
internal sealed class GenerationProgress(TextWriter error, long? total, bool isLive)
{
    private const string Erase = "\r\u001b[K";

    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(200);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _shown = -Refresh;
    private long _pieces;

    /// <summary>The time since the beginning.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>The texts that are complete.</summary>
    public long Done { get; private set; }

    /// <summary>The tokens of the texts that are complete.</summary>
    public long Tokens { get; private set; }

    /// <summary>A text is complete.</summary>
    public void Complete(int tokens)
    {
        Done++;
        Tokens += tokens;
    }

    /// <summary>A token has come, of whatever text.</summary>
    public void Tick()
    {
        _pieces++;
        if (isLive && _clock.Elapsed - _shown >= Refresh)
        {
            _shown = _clock.Elapsed;
            error.Write(Erase + Line(_clock.Elapsed));
            error.Flush();
        }
    }

    /// <summary>Takes the line away, before something else is written or at the end.</summary>
    public void Clear()
    {
        if (isLive)
        {
            error.Write(Erase);
            error.Flush();
            _shown = -Refresh;
        }
    }

    /// <summary>What is shown after so long.</summary>
    internal string Line(TimeSpan elapsed)
    {
        string of = total is { } all ? Invariant($"{Done:N0} of {all:N0} texts") : Invariant($"{Done:N0} texts");
        string left = total is { } count && Done > 0 ? $", {Time(elapsed * ((double)(count - Done) / Done))} left" : "";
        return Invariant($"{of}, {_pieces / elapsed.TotalSeconds:N0} tokens/s{left}");
    }

    /// <summary>What it all came to.</summary>
    internal static string Summary(long texts, long tokens, TimeSpan elapsed) => Invariant(
        $"Generated {texts:N0} {(texts == 1 ? "text" : "texts")}, {tokens:N0} tokens in {elapsed.TotalSeconds:N1} s: {tokens / elapsed.TotalSeconds:N0} tokens/s.");

    private static string Time(TimeSpan time) => time.TotalHours >= 1 ? Invariant($"{(long)time.TotalHours}:{time:mm\\:ss}") : time.ToString(@"mm\:ss", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
