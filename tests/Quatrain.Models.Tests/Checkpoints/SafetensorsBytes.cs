using System.Buffers.Binary;
using System.Text;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>Builds safetensors files from their parts, following the published format and independently of the writer.</summary>
internal static class SafetensorsBytes
{
    /// <summary>The length of the header, the header, then the data.</summary>
    public static byte[] Join(ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        byte[] file = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file.AsSpan(8));
        data.CopyTo(file.AsSpan(8 + header.Length));
        return file;
    }

    public static byte[] Join(string header, ReadOnlySpan<byte> data) => Join(Encoding.UTF8.GetBytes(header), data);

    public static byte[] Floats(params float[] values)
    {
        byte[] bytes = new byte[4 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), values[i]);
        }

        return bytes;
    }

    /// <summary>A file of two float tensors, a half-precision one, an empty one, a single number and metadata.</summary>
    public static byte[] Sample()
    {
        const string Header = """
            {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[24,28]},"empty":{"dtype":"F32","shape":[0,5],"data_offsets":[28,28]},"one":{"dtype":"F32","shape":[],"data_offsets":[28,32]}}
            """;
        return Join(Header, [.. Floats(0, 1, 2, 3, 4, 5), 0x80, 0x3F, 0x00, 0xC0, .. Floats(-7.5f)]);
    }
}
