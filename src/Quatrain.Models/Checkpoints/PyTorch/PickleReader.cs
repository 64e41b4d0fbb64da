using System.Buffers.Binary;
using System.Numerics;
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

    private const int MostInstructions = 400_000;
    private const int LongestKey = TorchObjects.LongestKey;
    private const int HighestProtocol = 5;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _path;
    private readonly TorchObjects _objects;
    private readonly PickleStack _stack;
    private int _position;

    private PickleReader(ReadOnlySpan<byte> bytes, string path, Dictionary<string, TorchStorage> storages)
    {
        _bytes = bytes;
        _path = path;
        _objects = new TorchObjects(path, storages);
        _stack = new PickleStack(path);
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
                return _stack.Pop();
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
                _stack.Mark();
                break;
            case (byte)'0': // POP
                _stack.Pop();
                break;
            case (byte)'1': // POP_MARK
                _stack.PopToMark();
                break;
            case (byte)'2': // DUP
                _stack.Push(_stack.Top());
                break;
            case (byte)'N': // NONE
                _stack.Push(null);
                break;
            case 0x88: // NEWTRUE
                _stack.Push(true);
                break;
            case 0x89: // NEWFALSE
                _stack.Push(false);
                break;
            case (byte)'K': // BININT1
                _stack.Push((long)Take(1)[0]);
                break;
            case (byte)'M': // BININT2
                _stack.Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort))));
                break;
            case (byte)'J': // BININT
                _stack.Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int))));
                break;
            case 0x8A: // LONG1
                _stack.Push(Integer(Take(Take(1)[0])));
                break;
            case (byte)'G': // BINFLOAT
                _stack.Push(BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double))));
                break;
            case 0x8C: // SHORT_BINUNICODE
                _stack.Push(Text(Take(Take(1)[0])));
                break;
            case (byte)'X': // BINUNICODE
                _stack.Push(Text(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))))));
                break;
            case 0x8D: // BINUNICODE8
                _stack.Push(Text(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong))))));
                break;
            case (byte)')': // EMPTY_TUPLE
                _stack.Push(Array.Empty<object?>());
                break;
            case 0x85 or 0x86 or 0x87: // TUPLE1, TUPLE2, TUPLE3
                _stack.Push(_stack.Pop(code - 0x84));
                break;
            case (byte)'t': // TUPLE
                _stack.Push(_stack.PopToMark());
                break;
            case (byte)']': // EMPTY_LIST
                _stack.Push(new List<object?>());
                break;
            case (byte)'a': // APPEND
                Append(_stack.Pop(1));
                break;
            case (byte)'e': // APPENDS
                Append(_stack.PopToMark());
                break;
            case (byte)'}': // EMPTY_DICT
                _stack.Push(new PickledDictionary());
                break;
            case (byte)'s': // SETITEM
                SetItems(_stack.Pop(2));
                break;
            case (byte)'u': // SETITEMS
                SetItems(_stack.PopToMark());
                break;
            case (byte)'h': // BINGET
                _stack.Recall(Take(1)[0]);
                break;
            case (byte)'j': // LONG_BINGET
                _stack.Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))));
                break;
            case (byte)'q': // BINPUT
                _stack.Memorize(Take(1)[0], instructions);
                break;
            case (byte)'r': // LONG_BINPUT
                _stack.Memorize(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))), instructions);
                break;
            case 0x94: // MEMOIZE
                _stack.Memorize();
                break;
            case (byte)'c': // GLOBAL
                string module = Line();
                _stack.Push(_objects.Find(module, Line()));
                break;
            case 0x93: // STACK_GLOBAL
                object?[] names = _stack.Pop(2);
                _stack.Push(names is [string first, string second]
                    ? _objects.Find(first, second)
                    : throw Invalid("the pickle in it asks for a name that is not text"));
                break;
            case (byte)'R': // REDUCE
                object?[] call = _stack.Pop(2);
                _stack.Push(_objects.Call(call[0], call[1]));
                break;
            case (byte)'b': // BUILD
                Build(_stack.Pop());
                break;
            case (byte)'Q': // BINPERSID
                _stack.Push(_objects.Refer(_stack.Pop()));
                break;
            default:
                throw Invalid(
                    $"the pickle in it has the instruction 0x{code:X2} at byte {_position - 1}, which weights are never saved with, so it is damaged or hostile; "
                    + "nothing of it was run");
        }
    }

    // Attributes of an OrderedDict: a state_dict has _metadata, the versions of its modules.
    private readonly void Build(object? state)
    {
        if (_stack.Top() is not PickledDictionary || state is not PickledDictionary)
        {
            throw Invalid("the pickle in it sets attributes of something other than a dictionary");
        }
    }

    private readonly void Append(object?[] values)
    {
        if (_stack.Top() is not List<object?> list)
        {
            throw Invalid("the pickle in it adds to something that is not a list");
        }

        list.AddRange(values);
    }

    private readonly void SetItems(object?[] values)
    {
        if (_stack.Top() is not PickledDictionary dictionary || values.Length % 2 != 0)
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
