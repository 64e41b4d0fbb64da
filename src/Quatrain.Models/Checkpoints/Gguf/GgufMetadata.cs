using System.Diagnostics.CodeAnalysis;

namespace Quatrain.Models.Checkpoints.Gguf;

/// <summary>The metadata of a GGUF file: values by name, of which arrays stay in the file until asked for.</summary>
internal sealed class GgufMetadata
{
    // The format's limit for a name; the longest values in use are chat templates.
    private const int LongestKey = 65_535;
    private const int LongestText = 1 << 20;
    private const int LongestItem = 1 << 16;
    private const int MostValues = 100_000;

    // Far above the largest vocabularies.
    private const int MostItems = 10_000_000;

    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    private sealed record ArrayPlace(GgufValueType Type, long Count, long Offset);

    /// <summary>Names and values in the order of the file, as texts for people; an array is its type and length.</summary>
    public IEnumerable<(string Key, string Value)> Described => _values.Select(pair => (pair.Key, pair.Value switch
    {
        ArrayPlace array => FormattableString.Invariant($"{array.Count} x {array.Type}"),
        string text => text,
        IFormattable number => number.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        object other => other.ToString() ?? "",
    }));

    /// <summary>Reads <paramref name="count"/> values.</summary>
    /// <exception cref="InvalidDataException">The file breaks the format or is cut short.</exception>
    public static GgufMetadata Read(GgufReader reader, ulong count)
    {
        if (count > MostValues)
        {
            throw reader.Invalid($"it claims {count} metadata values, more than the {MostValues} allowed");
        }

        GgufMetadata metadata = new();
        for (ulong i = 0; i < count; i++)
        {
            string key = reader.Text(LongestKey, "the name of a metadata value");
            if (!metadata._values.TryAdd(key, ReadValue(reader, key)))
            {
                throw reader.Invalid($"it has the metadata value {TensorText.Quote(key)} twice");
            }
        }

        return metadata;
    }

    /// <summary>Whether there is a value of that name.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>A text, or null where there is none or it is no text.</summary>
    public string? Text(string key) => _values.GetValueOrDefault(key) as string;

    /// <summary>A whole number of any type, if there is one.</summary>
    public bool TryInteger(string key, out long value)
    {
        object? found = _values.GetValueOrDefault(key);
        value = found switch
        {
            long signed => signed,
            ulong unsigned and <= long.MaxValue => (long)unsigned,
            _ => -1,
        };
        return found is long or (ulong and <= long.MaxValue);
    }

    /// <summary>A number, if there is one.</summary>
    public bool TryNumber(string key, out double value)
    {
        object? found = _values.GetValueOrDefault(key);
        value = found is double number ? number : double.NaN;
        return found is double;
    }

    /// <summary>The texts of an array, or null where there is no such array.</summary>
    /// <exception cref="InvalidDataException">There are too many, or one is too long or not valid UTF-8.</exception>
    public string[]? Texts(string key, GgufReader reader)
    {
        if (!TryArray(key, GgufValueType.String, reader, out ArrayPlace? array))
        {
            return null;
        }

        string[] texts = new string[array.Count];
        int index = 0;
        string What() => $"text {index} of {TensorText.Quote(key)}";
        Func<string> what = What;
        for (; index < texts.Length; index++)
        {
            texts[index] = reader.Text(LongestItem, what);
        }

        return texts;
    }

    /// <summary>The 32-bit numbers of an array, or null where there is no such array.</summary>
    /// <exception cref="InvalidDataException">There are too many.</exception>
    public int[]? Integers(string key, GgufReader reader)
    {
        if (!TryArray(key, GgufValueType.Int32, reader, out ArrayPlace? array) && !TryArray(key, GgufValueType.UInt32, reader, out array))
        {
            return null;
        }

        int[] numbers = new int[array.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = unchecked((int)reader.UInt32());
        }

        return numbers;
    }

    // That the items fit the file has been checked, so an array of as many is not much larger than the file.
    private bool TryArray(string key, GgufValueType type, GgufReader reader, [NotNullWhen(true)] out ArrayPlace? array)
    {
        array = _values.GetValueOrDefault(key) is ArrayPlace found && found.Type == type ? found : null;
        if (array is null)
        {
            return false;
        }

        if (array.Count > MostItems)
        {
            throw reader.Invalid($"its {TensorText.Quote(key)} has {array.Count} items, more than the {MostItems} allowed");
        }

        reader.MoveTo(array.Offset);
        return true;
    }

    private static object ReadValue(GgufReader reader, string key)
    {
        uint type = reader.UInt32();
        return (GgufValueType)type switch
        {
            GgufValueType.UInt8 => (ulong)reader.Byte(),
            GgufValueType.Int8 => (long)(sbyte)reader.Byte(),
            GgufValueType.UInt16 => (ulong)reader.UInt16(),
            GgufValueType.Int16 => (long)(short)reader.UInt16(),
            GgufValueType.UInt32 => (ulong)reader.UInt32(),
            GgufValueType.Int32 => (long)(int)reader.UInt32(),
            GgufValueType.UInt64 => reader.UInt64(),
            GgufValueType.Int64 => (long)reader.UInt64(),
            GgufValueType.Float32 => (double)BitConverter.UInt32BitsToSingle(reader.UInt32()),
            GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(reader.UInt64()),
            GgufValueType.Bool => reader.Byte() != 0,
            GgufValueType.String => reader.Text(LongestText, $"the metadata value {TensorText.Quote(key)}"),
            GgufValueType.Array => ReadArray(reader, key),
            _ => throw reader.Invalid($"its metadata value {TensorText.Quote(key)} is of the unknown type {type}"),
        };
    }

    private static ArrayPlace ReadArray(GgufReader reader, string key)
    {
        uint type = reader.UInt32();
        ulong count = reader.UInt64();
        GgufValueType itemType = (GgufValueType)type;
        int size = itemType == GgufValueType.String ? sizeof(ulong) : GgufTypes.Size(itemType);
        if (size == 0)
        {
            throw reader.Invalid($"its metadata value {TensorText.Quote(key)} is an array of the type {type}, which an array can't have here");
        }

        if (count > (ulong)reader.Remaining / (ulong)size)
        {
            throw reader.Invalid($"its metadata value {TensorText.Quote(key)} claims {count} items, more than the rest of the file can hold");
        }

        ArrayPlace place = new(itemType, (long)count, reader.Position);
        if (itemType == GgufValueType.String)
        {
            for (ulong i = 0; i < count; i++)
            {
                reader.Skip(reader.UInt64());
            }
        }
        else
        {
            reader.Skip(count * (ulong)size);
        }

        return place;
    }
}
