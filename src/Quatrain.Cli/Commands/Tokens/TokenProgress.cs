using System.Diagnostics;
using System.Globalization;

namespace Quatrain.Cli.Commands.Tokens;

/// <summary>Tells on standard error how far a text is: now and then on a terminal, and at the end anywhere.</summary>
internal sealed class TokenProgress(TextWriter error)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5);

    private readonly Stopwatch _sinceShown = Stopwatch.StartNew();
    private readonly bool _isTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;
    private bool _isShown;

    public void Show(long bytes, long tokens)
    {
        if (_isTerminal && _sinceShown.Elapsed > Interval)
        {
            error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{bytes / 1e6:N0} MB, {tokens:N0} tokens "));
            _sinceShown.Restart();
            _isShown = true;
        }
    }

    public void End(string summary)
    {
        if (_isShown)
        {
            error.Write("\r");
        }

        error.WriteLine(summary);
    }
}
