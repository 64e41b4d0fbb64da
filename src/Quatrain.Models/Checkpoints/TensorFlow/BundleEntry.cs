namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>The first entry of a bundle's index.</summary>
/// <param name="ShardCount">The number of data files.</param>
/// <param name="IsBigEndian">Whether numbers lie the other way round.</param>
/// <param name="LeastReader">The oldest version of a reader that can read it.</param>
internal readonly record struct BundleHeader(ulong ShardCount, bool IsBigEndian, ulong LeastReader)
{
    /// <summary>Reads a BundleHeaderProto, or gives null where it is broken.</summary>
    public static BundleHeader? TryParse(ReadOnlySpan<byte> message)
    {
        BundleHeader header = default;
        ProtocolReader reader = new(message);
        while (reader.Next())
        {
            header = reader.Field switch
            {
                1 => header with { ShardCount = reader.Number },
                2 => header with { IsBigEndian = reader.Number != 0 },
                3 => header with { LeastReader = MinimumConsumer(reader.Bytes) },
                _ => header,
            };
        }

        return reader.IsBroken ? null : header;
    }

    private static ulong MinimumConsumer(ReadOnlySpan<byte> versions)
    {
        ProtocolReader reader = new(versions);
        ulong least = 0;
        while (reader.Next())
        {
            least = reader.Field == 2 ? reader.Number : least;
        }

        return least;
    }
}

/// <summary>What a bundle's index says of one tensor; nothing of it has been compared with the data files.</summary>
/// <param name="DType">The number TensorFlow gives the type of the elements.</param>
/// <param name="Shape">The sizes, outermost first.</param>
/// <param name="Shard">Which data file has it, from 0.</param>
/// <param name="Offset">Where its bytes begin there.</param>
/// <param name="Size">How many there are.</param>
/// <param name="Crc">Their checksum, masked.</param>
/// <param name="IsSliced">Whether it is kept in parts, under other keys.</param>
internal readonly record struct BundleEntry(ulong DType, long[] Shape, ulong Shard, ulong Offset, ulong Size, uint Crc, bool IsSliced)
{
    /// <summary>Reads a BundleEntryProto, or gives null where it is broken.</summary>
    /// <remarks>Source: tensorflow/core/protobuf/tensor_bundle.proto.</remarks>
    public static BundleEntry? TryParse(ReadOnlySpan<byte> message)
    {
        BundleEntry entry = new() { Shape = [] };
        ProtocolReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    entry = entry with { DType = reader.Number };
                    break;
                case 2 when TryParseShape(reader.Bytes) is { } shape:
                    entry = entry with { Shape = shape };
                    break;
                case 2:
                    return null;
                case 3:
                    entry = entry with { Shard = reader.Number };
                    break;
                case 4:
                    entry = entry with { Offset = reader.Number };
                    break;
                case 5:
                    entry = entry with { Size = reader.Number };
                    break;
                case 6:
                    entry = entry with { Crc = (uint)reader.Number };
                    break;
                case 7:
                    entry = entry with { IsSliced = true };
                    break;
            }
        }

        return reader.IsBroken ? null : entry;
    }

    // A TensorShapeProto: dim = 2 { size = 1 }, and unknown_rank = 3.
    private static long[]? TryParseShape(ReadOnlySpan<byte> message)
    {
        List<long> sizes = [];
        ProtocolReader reader = new(message);
        while (reader.Next())
        {
            if (reader.Field == 2)
            {
                ProtocolReader dimension = new(reader.Bytes);
                long size = 0;
                while (dimension.Next())
                {
                    size = dimension.Field == 1 ? unchecked((long)dimension.Number) : size;
                }

                if (dimension.IsBroken || size < 0 || sizes.Count == SafetensorsHeader.MostDimensions)
                {
                    return null;
                }

                sizes.Add(size);
            }
            else if (reader.Field == 3 && reader.Number != 0)
            {
                return null;
            }
        }

        return reader.IsBroken ? null : [.. sizes];
    }
}
