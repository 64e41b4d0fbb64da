using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>Reads the pickles that torch.save writes, and can do nothing else.</summary>
/// <remarks>
/// A pickle is a program for a machine with a stack; Python's runs any function it names. This one knows the instructions that dictionaries,
/// lists, tuples, numbers, texts and tensors are written with (protocols 2 to 5), and the names in <see cref="TorchGlobal"/>. Another
/// instruction or name ends the reading. Each instruction makes at most one value, values refer to one another without being copied, nothing
/// here recurses, and instructions and bytes are limited, so memory and time are too. Source: Python's pickletools.
/// </remarks>
internal ref struct PickleReader
{
    /// <summary>The longest pickle that is read; GPT-2's largest, with the state of its optimizer, takes a tenth.</summary>
    public const int LargestBytes = 1 << 23;

    private const int MostInstructions = 1_000_000;
    private const int LongestKey = 1_000;
    private const int HighestProtocol = 5;
    private const long MostElements = long.MaxValue / 8;
    private const int MostDimensions = SafetensorsHeader.MostDimensions;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _path;
    private readonly Dictionary<string, TorchStorage> _storages;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly List<object?> _memo = [];
    private int _position;

    private PickleReader(ReadOnlySpan<byte> bytes, string path, Dictionary<string, TorchStorage> storages)
    {
        _bytes = bytes;
        _path = path;
        _storages = storages;
    }

    /// <summary>Reads one pickle from the start of <paramref name="bytes"/>.</summary>
    /// <param name="bytes">The pickle, and what comes after it.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="storages">The storages it mentions are added here, by their keys.</param>
    /// <param name="length">How many bytes the pickle took.</param>
    /// <returns>
    /// null, bool, long, <see cref="BigInteger"/>, double, string, object[] (a tuple), List of object, <see cref="PickledDictionary"/>,
    /// <see cref="TorchTensor"/>, <see cref="TorchStorage"/> or <see cref="TorchGlobal"/>.
    /// </returns>
    /// <exception cref="InvalidDataException">It is damaged, too long, or asks for something else; the message says what.</exception>
    public static object? Read(ReadOnlySpan<byte> bytes, string path, Dictionary<string, TorchStorage> storages, out int length)
    {
        PickleReader reader = new(bytes, path, storages);
        object? value = reader.Run();
        length = reader._position;
        return value;
    }

    private object? Run()
    {
        for (int instructions = 0; instructions < MostInstructions; instructions++)
        {
            byte code = Take(1)[0];
            if (code == (byte)'.')
            {
                return Pop();
            }

            Execute(code, instructions);
        }

        throw Invalid($"the pickle in it has more than {MostInstructions:N0} instructions");
    }

    private void Execute(byte code, int instructions)
    {
        switch (code)
        {
            case 0x80: // PROTO
                byte protocol = Take(1)[0];
                if (protocol > HighestProtocol)
                {
                    throw Invalid($"the pickle in it is of protocol {protocol}, later than {HighestProtocol}");
                }

                break;
            case 0x95: // FRAME: a hint about how much to read at once
                Take(sizeof(ulong));
                break;
            case (byte)'(': // MARK
                _marks.Add(_stack.Count);
                break;
            case (byte)'0': // POP
                Pop();
                break;
            case (byte)'1': // POP_MARK
                PopToMark();
                break;
            case (byte)'2': // DUP
                Push(Top());
                break;
            case (byte)'N': // NONE
                Push(null);
                break;
            case 0x88: // NEWTRUE
                Push(true);
                break;
            case 0x89: // NEWFALSE
                Push(false);
                break;
            case (byte)'K': // BININT1
                Push((long)Take(1)[0]);
                break;
            case (byte)'M': // BININT2
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort))));
                break;
            case (byte)'J': // BININT
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int))));
                break;
            case 0x8A: // LONG1
                Push(Integer(Take(Take(1)[0])));
                break;
            case (byte)'G': // BINFLOAT
                Push(BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double))));
                break;
            case 0x8C: // SHORT_BINUNICODE
                Push(Text(Take(Take(1)[0])));
                break;
            case (byte)'X': // BINUNICODE
                Push(Text(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))))));
                break;
            case 0x8D: // BINUNICODE8
                Push(Text(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong))))));
                break;
            case (byte)')': // EMPTY_TUPLE
                Push(Array.Empty<object?>());
                break;
            case 0x85 or 0x86 or 0x87: // TUPLE1, TUPLE2, TUPLE3
                Push(PopMany(code - 0x84));
                break;
            case (byte)'t': // TUPLE
                Push(PopToMark());
                break;
            case (byte)']': // EMPTY_LIST
                Push(new List<object?>());
                break;
            case (byte)'a': // APPEND
                Append(PopMany(1));
                break;
            case (byte)'e': // APPENDS
                Append(PopToMark());
                break;
            case (byte)'}': // EMPTY_DICT
                Push(new PickledDictionary());
                break;
            case (byte)'s': // SETITEM
                SetItems(PopMany(2));
                break;
            case (byte)'u': // SETITEMS
                SetItems(PopToMark());
                break;
            case (byte)'h': // BINGET
                Push(Recall(Take(1)[0]));
                break;
            case (byte)'j': // LONG_BINGET
                Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))));
                break;
            case (byte)'q': // BINPUT
                Memorize(Take(1)[0], instructions);
                break;
            case (byte)'r': // LONG_BINPUT
                Memorize(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))), instructions);
                break;
            case 0x94: // MEMOIZE
                _memo.Add(Top());
                break;
            case (byte)'c': // GLOBAL
                string module = Line();
                PushGlobal(module, Line());
                break;
            case 0x93: // STACK_GLOBAL
                object?[] names = PopMany(2);
                PushGlobal(
                    names[0] as string ?? throw Invalid("the pickle in it names a module by something other than text"),
                    names[1] as string ?? throw Invalid("the pickle in it names a type by something other than text"));
                break;
            case (byte)'R': // REDUCE
                object?[] call = PopMany(2);
                Push(Reduce(call[0], call[1]));
                break;
            case (byte)'b': // BUILD
                Build(PopMany(1)[0]);
                break;
            case (byte)'Q': // BINPERSID
                Push(Storage(Pop()));
                break;
            default:
                throw Invalid(
                    $"the pickle in it has the instruction 0x{code:X2} at byte {_position - 1}, which weights are never saved with, so it is damaged or hostile; "
                    + "nothing of it was run");
        }
    }

    private void PushGlobal(string module, string name)
    {
        string whole = $"{module}.{name}";
        Push(TorchGlobal.Find(whole) ?? throw new InvalidDataException(
            $"Cannot read '{_path}': the pickle in it asks for {TensorText.Quote(whole)}, which is not among the names that weights are saved with, and nothing of it was run; "
            + "save only the state_dict, or the weights as safetensors."));
    }

    private readonly object? Reduce(object? callee, object? arguments)
    {
        if (callee is not TorchGlobal global || arguments is not object?[] values)
        {
            throw Invalid("the pickle in it calls something that is not a name");
        }

        return (global.Kind, values) switch
        {
            (TorchGlobalKind.OrderedDictionary, []) => new PickledDictionary(),
            (TorchGlobalKind.RebuildTensor, [TorchStorage storage, long offset, object?[] sizes, object?[] strides, ..]) =>
                Tensor(storage, offset, sizes, strides),
            (TorchGlobalKind.RebuildParameter, [TorchTensor tensor, ..]) => tensor,
            (TorchGlobalKind.Size, [object?[] sizes]) => sizes,
            (TorchGlobalKind.Device, [string, ..]) => null,
            _ => throw Invalid($"the pickle in it calls {global.Name} with something it does not take"),
        };
    }

    private readonly TorchTensor Tensor(TorchStorage storage, long offset, object?[] sizes, object?[] strides)
    {
        if (sizes.Length > MostDimensions || sizes.Length != strides.Length
            || offset < 0 || !Array.TrueForAll(sizes, IsSize) || !Array.TrueForAll(strides, IsSize))
        {
            throw Invalid("the pickle in it describes a tensor by an impossible shape, place or order");
        }

        return new TorchTensor(storage, offset, Array.ConvertAll(sizes, size => (long)size!), Array.ConvertAll(strides, stride => (long)stride!));
    }

    private static bool IsSize(object? value) => value is long and >= 0;

    // ('storage', type, key, where it was, count), and in files before torch 1.6 a part of another storage, which no version since 0.4 writes.
    private readonly TorchStorage Storage(object? id)
    {
        if (id is not object?[] values
            || values is not ["storage", TorchGlobal { Elements: { } elements }, string key, _, long count, .. object?[] rest]
            || rest is not ([] or [null])
            || count is < 0 or > MostElements
            || key.Length > LongestKey)
        {
            throw Invalid("the pickle in it refers to a storage in an unknown way");
        }

        if (!_storages.TryGetValue(key, out TorchStorage? storage))
        {
            storage = new TorchStorage(key, elements, count);
            _storages.Add(key, storage);
        }

        return storage.Elements == elements && storage.Count == count
            ? storage
            : throw Invalid($"the pickle in it describes storage {TensorText.Quote(key)} in two ways");
    }

    // Attributes of an OrderedDict: a state_dict has _metadata, the versions of its modules.
    private readonly void Build(object? state)
    {
        if (Top() is not PickledDictionary || state is not PickledDictionary)
        {
            throw Invalid("the pickle in it sets attributes of something other than a dictionary");
        }
    }

    private readonly void Append(object?[] values)
    {
        if (Top() is not List<object?> list)
        {
            throw Invalid("the pickle in it adds to something that is not a list");
        }

        list.AddRange(values);
    }

    private readonly void SetItems(object?[] values)
    {
        if (Top() is not PickledDictionary dictionary || values.Length % 2 != 0)
        {
            throw Invalid("the pickle in it sets items of something that is not a dictionary");
        }

        for (int i = 0; i < values.Length; i += 2)
        {
            // A key is hashed each time it is used, a few bytes of the pickle each.
            if (values[i] is string { Length: > LongestKey })
            {
                throw Invalid($"the pickle in it has a key of more than {LongestKey} characters");
            }

            if (!dictionary.TryAdd(values[i], values[i + 1]))
            {
                throw Invalid($"the pickle in it has {TensorText.Quote((string)values[i]!)} twice in one dictionary");
            }
        }
    }

    // Writers number the memo from 0; what skips further ahead than there were instructions would only take memory.
    private readonly void Memorize(uint index, int instructions)
    {
        if (index > instructions)
        {
            throw Invalid($"the pickle in it has an entry {index} of its memo before it can have that many");
        }

        while (_memo.Count <= index)
        {
            _memo.Add(null);
        }

        _memo[(int)index] = Top();
    }

    private readonly object? Recall(uint index) =>
        index < _memo.Count ? _memo[(int)index] : throw Invalid($"the pickle in it asks for entry {index} of its memo, which it has not");

    private readonly void Push(object? value) => _stack.Add(value);

    // What lies below the last mark is out of reach until the mark is gone, as in Python.
    private readonly int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private readonly object? Top() =>
        _stack.Count > Floor ? _stack[^1] : throw Invalid("the pickle in it takes more values than it has");

    private readonly object? Pop() => PopMany(1)[0];

    private readonly object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count)
        {
            throw Invalid("the pickle in it takes more values than it has");
        }

        return Cut(_stack.Count - count);
    }

    private readonly object?[] PopToMark()
    {
        if (_marks.Count == 0)
        {
            throw Invalid("the pickle in it takes values up to a mark it has not");
        }

        int start = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return Cut(start);
    }

    private readonly object?[] Cut(int start)
    {
        object?[] values = CollectionsMarshal.AsSpan(_stack)[start..].ToArray();
        _stack.RemoveRange(start, values.Length);
        return values;
    }

    private static object Integer(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > sizeof(long))
        {
            return new BigInteger(bytes);
        }

        long value = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            value |= (long)bytes[i] << (8 * i);
        }

        // The last byte holds the sign.
        int unused = 8 * (sizeof(long) - bytes.Length);
        return bytes.IsEmpty ? value : value << unused >> unused;
    }

    private readonly string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Invalid("the pickle in it has a text that is not valid UTF-8");
        }
    }

    private string Line()
    {
        int length = _bytes[_position..].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw CutShort();
        }

        string text = Text(Take((uint)length));
        _position++;
        return text;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _position))
        {
            throw CutShort();
        }

        ReadOnlySpan<byte> taken = _bytes.Slice(_position, (int)count);
        _position += (int)count;
        return taken;
    }

    private readonly InvalidDataException CutShort() => Invalid($"the pickle in it is cut short, or longer than {LargestBytes:N0} bytes");

    private readonly InvalidDataException Invalid(string problem) => PyTorchFile.Invalid(_path, problem);
}
