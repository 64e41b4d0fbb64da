using System.Runtime.InteropServices;

namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>A matrix of mostly zeros, row by row: which columns are not zero, and what they hold.</summary>
internal sealed class SparseRows
{
    private readonly List<int> _columns = [];
    private readonly List<float> _values = [];
    private readonly List<int> _ends = [];

    public int RowCount => _ends.Count;

    /// <summary>The columns of a row that are not zero.</summary>
    public ReadOnlySpan<int> Columns(int row) => CollectionsMarshal.AsSpan(_columns)[Start(row).._ends[row]];

    /// <summary>What they hold.</summary>
    public ReadOnlySpan<float> Values(int row) => CollectionsMarshal.AsSpan(_values)[Start(row).._ends[row]];

    public void AddRow(ReadOnlySpan<(int Column, float Value)> row)
    {
        foreach ((int column, float value) in row)
        {
            _columns.Add(column);
            _values.Add(value);
        }

        _ends.Add(_columns.Count);
    }

    private int Start(int row) => row == 0 ? 0 : _ends[row - 1];
}
