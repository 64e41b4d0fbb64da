namespace Quatrain.Training.FineTuning.Data;

/// <summary>What the values of a column look like, as far as a table was read to find its columns.</summary>
/// <param name="first">The value in the table's first row, which may be the column's name.</param>
internal sealed class ColumnProfile(string first)
{
    private const int MostLabels = 200;
    private const int LongestLabel = 100;

    private readonly HashSet<string> _values = new(StringComparer.Ordinal);
    private bool _hasManyValues;
    private long _characters;
    private int _count;

    /// <summary>How long the values are.</summary>
    public double MeanLength => _count == 0 ? 0 : (double)_characters / _count;

    /// <summary>Whether these are labels, to all appearances: short, each used about twice at least, and more than one.</summary>
    public bool LooksLikeLabels => !_hasManyValues && _values.Count > 1 && 2 * _values.Count <= _count + (FirstComesAgain ? 1 : 0);

    /// <summary>Whether the first row's value is also that of a later row, as a label may be and a column's name is not.</summary>
    public bool FirstComesAgain => _values.Contains(first);

    /// <summary>Takes in the value of one more row.</summary>
    public void Add(string? value)
    {
        string label = value?.Trim() ?? "";
        _count++;
        _characters += label.Length;
        if (_hasManyValues || label.Length == 0)
        {
            return;
        }

        if (label.Length > LongestLabel || (_values.Count == MostLabels && !_values.Contains(label)))
        {
            _hasManyValues = true;
            _values.Clear();
            return;
        }

        _values.Add(label);
    }
}
