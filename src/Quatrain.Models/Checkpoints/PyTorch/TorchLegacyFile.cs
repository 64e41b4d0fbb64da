using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>
/// A file of torch.save without a zip archive, as versions before 1.6 write it: pickles of a magic number, the format's version, the system's
/// habits, what was saved and the storages' keys; then each storage, its count of elements first.
/// </summary>
internal sealed class TorchLegacyFile : ITorchContainer
{
    private const long FormatVersion = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private readonly RawFile _file;
    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _positions = new(StringComparer.Ordinal);

    private TorchLegacyFile(RawFile file) => _file = file;

    /// <inheritdoc/>
    public object? Root { get; private set; }

    /// <summary>Whether a file begins as such files do: with a pickle.</summary>
    public static bool IsLegacy(ReadOnlySpan<byte> head) => head is [0x80, >= 2 and <= 5, ..];

    /// <summary>Opens the file: reads its pickles and finds its storages.</summary>
    public static TorchLegacyFile Open(RawFile file)
    {
        TorchLegacyFile legacy = new(file);
        byte[] bytes = file.ReadBytes(0, (int)Math.Min(file.Length, PickleReader.LargestBytes));
        int position = 0;
        if (legacy.Next(bytes, ref position) is not BigInteger magic || magic != Magic)
        {
            throw PyTorchFile.Invalid(file.Path, "it is a pickle, but torch.save did not write it");
        }

        if (legacy.Next(bytes, ref position) is not FormatVersion)
        {
            throw PyTorchFile.Invalid(file.Path, $"it is not of version {FormatVersion} of its format");
        }

        if (legacy.Next(bytes, ref position) is not PickledDictionary system || system.Get("little_endian") is not true)
        {
            throw PyTorchFile.Invalid(file.Path, "its numbers are not in little-endian order");
        }

        legacy.Root = legacy.Next(bytes, ref position);
        if (legacy.Next(bytes, ref position) is not List<object?> keys)
        {
            throw PyTorchFile.Invalid(file.Path, "it does not list its storages");
        }

        legacy.FindStorages(keys, position);
        return legacy;
    }

    /// <inheritdoc/>
    public long Locate(TorchStorage storage) => _positions.TryGetValue(storage.Key, out long position)
        ? position
        : throw PyTorchFile.Invalid(_file.Path, $"its storage {TensorText.Quote(storage.Key)} is not there");

    private object? Next(ReadOnlySpan<byte> bytes, ref int position)
    {
        object? value = PickleReader.Read(bytes[position..], _file.Path, _storages, out int length);
        position += length;
        return value;
    }

    private void FindStorages(List<object?> keys, long position)
    {
        Span<byte> count = stackalloc byte[sizeof(long)];
        foreach (object? key in keys)
        {
            if (key is not string name || !_storages.TryGetValue(name, out TorchStorage? storage) || !_positions.TryAdd(name, position + sizeof(long)))
            {
                throw PyTorchFile.Invalid(_file.Path, "it lists a storage twice, or one that no tensor is in");
            }

            if (_file.Length - position < sizeof(long))
            {
                throw CutShort(storage);
            }

            _file.Read(position, count);
            if (BinaryPrimitives.ReadInt64LittleEndian(count) != storage.Count)
            {
                throw PyTorchFile.Invalid(_file.Path, $"its storage {TensorText.Quote(name)} has not the {storage.Count} elements its pickle claims");
            }

            position += sizeof(long);
            if (storage.ByteCount > _file.Length - position)
            {
                throw CutShort(storage);
            }

            position += storage.ByteCount;
        }
    }

    private InvalidDataException CutShort(TorchStorage storage) =>
        PyTorchFile.Invalid(_file.Path, $"it is cut short at its storage {TensorText.Quote(storage.Key)}");
}
