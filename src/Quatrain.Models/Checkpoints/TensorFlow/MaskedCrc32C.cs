using System.Buffers.Binary;
using System.Numerics;

namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>The checksums of TensorFlow's files: CRC-32C, turned and moved so that a checksum of checksums stays useful.</summary>
/// <remarks>Source: LevelDB's table_format.md and log_format.md.</remarks>
internal struct MaskedCrc32C
{
    private const uint MaskDelta = 0xA282EAD8;
    private uint _inverted;

    /// <summary>The checksum of the bytes so far.</summary>
    public readonly uint Value
    {
        get
        {
            uint crc = ~Register;
            return BitOperations.RotateRight(crc, 15) + MaskDelta;
        }
    }

    // Kept inverted, so that a fresh struct has the register that a checksum begins with.
    private readonly uint Register => ~_inverted;

    /// <summary>Takes in <paramref name="bytes"/>.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        uint register = Register;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            register = BitOperations.Crc32C(register, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte next in bytes)
        {
            register = BitOperations.Crc32C(register, next);
        }

        _inverted = ~register;
    }
}
