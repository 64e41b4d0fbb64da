using System.Diagnostics.CodeAnalysis;

namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>A dictionary from a pickle. What lies under anything but text is counted and dropped: nothing asks for it.</summary>
internal sealed class PickledDictionary
{
    // Made when first needed: an empty one takes a byte of a pickle and should take little more here.
    private Dictionary<string, object?>? _items;

    /// <summary>How many items had a key that is not text.</summary>
    public int OtherKeyCount { get; private set; }

    /// <summary>The items with text as their key.</summary>
    public IEnumerable<KeyValuePair<string, object?>> Items => _items ?? [];

    /// <summary>How many items have text as their key.</summary>
    public int Count => _items?.Count ?? 0;

    /// <summary>Adds an item; false where there is one with that text already.</summary>
    public bool TryAdd(object? key, object? value)
    {
        if (key is string text)
        {
            return (_items ??= new Dictionary<string, object?>(StringComparer.Ordinal)).TryAdd(text, value);
        }

        OtherKeyCount++;
        return true;
    }

    /// <summary>Finds the item <paramref name="key"/> where it is of type <typeparamref name="T"/>.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value)
    {
        value = _items is not null && _items.TryGetValue(key, out object? found) && found is T wanted ? wanted : default;
        return value is not null;
    }

    /// <summary>The item <paramref name="key"/>, or null where there is none or it is None.</summary>
    public object? Get(string key) => _items?.GetValueOrDefault(key);
}

/// <summary>A run of elements that the file keeps apart from its pickle, as the pickle describes it.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Elements">The type of the elements.</param>
/// <param name="Count">The number of elements it claims to have.</param>
internal sealed record TorchStorage(string Key, SafetensorsDType Elements, long Count)
{
    /// <summary>The bytes it claims to have; the count is known to be small enough.</summary>
    public long ByteCount => Count * Elements.Size();
}

/// <summary>A view of a storage, as the pickle describes it; nothing of it has been compared with the file.</summary>
/// <param name="Storage">The elements.</param>
/// <param name="Offset">The place of the first element in the storage.</param>
/// <param name="Sizes">The sizes, outermost first.</param>
/// <param name="Strides">How many elements of the storage lie from one index to the next, for each dimension.</param>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Sizes, long[] Strides);
