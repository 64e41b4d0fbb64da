using System.Text;

namespace Quatrain.Inference;

/// <summary>Ends streamed text at the first of some stop strings, without ever showing the beginning of one that may yet be completed.</summary>
/// <remarks>
/// The first stop string to be completed ends the text; of several completed by the same character, the one that began first
/// does. So the result is the same however the text is cut into pieces. Comparison is by UTF-16 code unit.
/// </remarks>
public sealed class StopMatcher
{
    private readonly string[] _stops;
    private readonly int[][] _borders;
    // For each stop string, how many of its characters the text so far ends with (the state of Knuth, Morris and Pratt's search).
    private readonly int[] _matched;
    private readonly StringBuilder _held = new();
    private bool _isStopped;

    /// <summary>A matcher at the start of a text; with no stop strings it lets all text through.</summary>
    /// <exception cref="InvalidDataException">A stop string is empty.</exception>
    public StopMatcher(IReadOnlyList<string> stops)
    {
        ArgumentNullException.ThrowIfNull(stops);
        _stops = [.. stops];
        int empty = Array.FindIndex(_stops, string.IsNullOrEmpty);
        if (empty >= 0)
        {
            throw new InvalidDataException($"Stop string {empty + 1} is empty; give it at least one character or leave it out.");
        }

        _borders = Array.ConvertAll(_stops, Borders);
        _matched = new int[_stops.Length];
    }

    /// <summary>Takes the next piece of text; true when it completes a stop string, after which there is no more text to show.</summary>
    /// <param name="piece">The text that follows the last piece; it may be empty.</param>
    /// <param name="emit">The text that can be shown now; it never holds any of the stop string that was completed.</param>
    /// <exception cref="InvalidOperationException">A stop string was completed before.</exception>
    public bool Append(string piece, out string emit)
    {
        ArgumentNullException.ThrowIfNull(piece);
        if (_isStopped)
        {
            throw new InvalidOperationException("The text has ended at a stop string; make a new matcher for a new text.");
        }

        _held.Append(piece);
        for (int i = 0; i < piece.Length; i++)
        {
            int completed = Advance(piece[i]);
            if (completed > 0)
            {
                _isStopped = true;
                int after = piece.Length - i - 1;
                emit = _held.ToString(0, _held.Length - after - completed);
                _held.Clear();
                return true;
            }
        }

        int begun = 0;
        foreach (int matched in _matched)
        {
            begun = Math.Max(begun, matched);
        }

        int safe = _held.Length - begun;
        emit = _held.ToString(0, safe);
        _held.Remove(0, safe);
        return false;
    }

    /// <summary>The text still held back, for when the text ends without a stop string; it is not given again.</summary>
    public string Flush()
    {
        string rest = _held.ToString();
        _held.Clear();
        Array.Clear(_matched);
        return rest;
    }

    /// <summary>Moves every search on by one character and gives the length of the longest stop string it completes, or 0.</summary>
    private int Advance(char next)
    {
        int completed = 0;
        for (int s = 0; s < _stops.Length; s++)
        {
            string stop = _stops[s];
            int matched = _matched[s];
            while (matched > 0 && stop[matched] != next)
            {
                matched = _borders[s][matched - 1];
            }

            _matched[s] = stop[matched] == next ? matched + 1 : 0;
            if (_matched[s] == stop.Length)
            {
                completed = Math.Max(completed, stop.Length);
            }
        }

        return completed;
    }

    /// <summary>For each beginning of the stop string, the length of its longest shorter beginning that is also its end.</summary>
    private static int[] Borders(string stop)
    {
        int[] borders = new int[stop.Length];
        int border = 0;
        for (int i = 1; i < stop.Length; i++)
        {
            while (border > 0 && stop[i] != stop[border])
            {
                border = borders[border - 1];
            }

            border += stop[i] == stop[border] ? 1 : 0;
            borders[i] = border;
        }

        return borders;
    }
}
