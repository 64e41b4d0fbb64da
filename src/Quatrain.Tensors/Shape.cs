namespace Quatrain.Tensors;

/// <summary>The sizes of a tensor, outermost first: up to four, for example [B, T, C].</summary>
public readonly record struct Shape
{
    private readonly int _first, _second, _third, _fourth;

    /// <summary>A shape of one to four sizes.</summary>
    /// <exception cref="ArgumentException">There are no or too many sizes, one is negative, or the tensor would exceed 2^31 - 1 elements.</exception>
    public Shape(params ReadOnlySpan<int> sizes)
    {
        if (sizes.Length is 0 or > 4)
        {
            throw new ArgumentException($"A shape has one to four sizes, not {sizes.Length}.", nameof(sizes));
        }

        long count = 1;
        foreach (int size in sizes)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(sizes));
            count *= size;
            if (count > int.MaxValue)
            {
                throw new ArgumentException($"A tensor of [{string.Join(", ", sizes.ToArray())}] exceeds 2,147,483,647 elements.", nameof(sizes));
            }
        }

        Rank = sizes.Length;
        _first = sizes[0];
        _second = sizes.Length > 1 ? sizes[1] : 1;
        _third = sizes.Length > 2 ? sizes[2] : 1;
        _fourth = sizes.Length > 3 ? sizes[3] : 1;
        ElementCount = (int)count;
    }

    /// <summary>How many sizes there are.</summary>
    public int Rank { get; }

    /// <summary>The product of the sizes.</summary>
    public int ElementCount { get; }

    /// <summary>The last size: how many elements lie side by side in a row.</summary>
    public int Last => this[Rank - 1];

    /// <summary>The number of rows: the product of all sizes but the last.</summary>
    public int Rows => Last == 0 ? 0 : ElementCount / Last;

    /// <summary>The size at <paramref name="index"/>, 0 being the outermost.</summary>
    public int this[int index] =>
        (uint)index >= (uint)Rank
            ? throw new ArgumentOutOfRangeException(nameof(index))
            : index switch { 0 => _first, 1 => _second, 2 => _third, _ => _fourth };

    /// <summary>This shape with another last size.</summary>
    public Shape WithLast(int size) => Rank switch
    {
        1 => new(size),
        2 => new(_first, size),
        3 => new(_first, _second, size),
        _ => new(_first, _second, _third, size),
    };

    /// <summary>The sizes as "[2, 3, 4]".</summary>
    public override string ToString()
    {
        Shape shape = this;
        return $"[{string.Join(", ", Enumerable.Range(0, Rank).Select(i => shape[i]))}]";
    }
}
