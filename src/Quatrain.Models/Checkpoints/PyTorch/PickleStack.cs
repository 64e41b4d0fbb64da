using System.Runtime.InteropServices;

namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>The values of a pickle machine: a stack with marks in it, and a memo of values that come again.</summary>
/// <param name="path">The file, for messages.</param>
internal sealed class PickleStack(string path)
{
    private readonly List<object?> _values = [];
    private readonly List<int> _marks = [];
    private readonly List<object?> _memo = [];

    // What lies below the last mark is out of reach until the mark is gone, as in Python.
    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    /// <summary>Puts a value on top.</summary>
    public void Push(object? value) => _values.Add(value);

    /// <summary>Marks the place where the next value goes.</summary>
    public void Mark() => _marks.Add(_values.Count);

    /// <summary>The value on top, which stays.</summary>
    public object? Top() => _values.Count > Floor ? _values[^1] : throw TooFew();

    /// <summary>Takes the value on top.</summary>
    public object? Pop()
    {
        object? value = Top();
        _values.RemoveAt(_values.Count - 1);
        return value;
    }

    /// <summary>Takes the topmost values, the one on top last.</summary>
    public object?[] Pop(int count) => _values.Count - Floor >= count ? Cut(_values.Count - count) : throw TooFew();

    /// <summary>Takes the values above the last mark, and the mark.</summary>
    public object?[] PopToMark()
    {
        if (_marks.Count == 0)
        {
            throw PyTorchFile.Invalid(path, "the pickle in it takes values up to a mark it has not");
        }

        int start = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return Cut(start);
    }

    /// <summary>Keeps the value on top as the next entry of the memo.</summary>
    public void Memorize() => _memo.Add(Top());

    /// <summary>Keeps the value on top as that entry of the memo.</summary>
    /// <param name="index">The entry.</param>
    /// <param name="most">The largest there can be: writers number entries from 0, so it is less than the instructions so far.</param>
    public void Memorize(uint index, int most)
    {
        if (index > most)
        {
            throw PyTorchFile.Invalid(path, $"the pickle in it has an entry {index} of its memo before it can have that many");
        }

        while (_memo.Count <= index)
        {
            _memo.Add(null);
        }

        _memo[(int)index] = Top();
    }

    /// <summary>Puts that entry of the memo on top.</summary>
    public void Recall(uint index) =>
        Push(index < _memo.Count ? _memo[(int)index] : throw PyTorchFile.Invalid(path, $"the pickle in it asks for entry {index} of its memo, which it has not"));

    private object?[] Cut(int start)
    {
        object?[] values = CollectionsMarshal.AsSpan(_values)[start..].ToArray();
        _values.RemoveRange(start, values.Length);
        return values;
    }

    private InvalidDataException TooFew() => PyTorchFile.Invalid(path, "the pickle in it takes more values than it has");
}
