using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Quatrain.Models.Checkpoints;

/// <summary>Writes float tensors as a safetensors file.</summary>
public static class SafetensorsWriter
{
    private const int Alignment = 8;
    private const int ChunkFloats = 1 << 20;

    // The default encoder would escape every letter beyond ASCII, as if for a web page.
    private static readonly JsonWriterOptions PlainText = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes <paramref name="tensors"/>, in their order, as F32, through <see cref="AtomicFile"/>.</summary>
    /// <remarks>The same input gives the same bytes: metadata are sorted by name, and the data begin at a multiple of 8 bytes.</remarks>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="tensors">The tensors, with unlike names; their elements are streamed, not copied.</param>
    /// <param name="metadata">Free-form notes, or null.</param>
    /// <exception cref="ArgumentException">
    /// Two names are alike, a source's length does not fit its shape, or a note is not valid Unicode.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written; an old one stays as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Write(string path, IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        RawFile.RequireLittleEndian();
        byte[] header = MakeHeader(tensors, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (SafetensorsTensor tensor in tensors)
            {
                WriteFloats(stream, Elements(tensor));
            }
        });
    }

    private static byte[] MakeHeader(IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        ArrayBufferWriter<byte> buffer = new();
        buffer.Write(stackalloc byte[sizeof(ulong)]);
        using (Utf8JsonWriter json = new(buffer, PlainText))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            WriteEntries(json, tensors);
            json.WriteEndObject();
        }

        while (buffer.WrittenCount % Alignment != 0)
        {
            buffer.Write(" "u8);
        }

        byte[] header = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)(header.Length - sizeof(ulong)));
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null or { Count: 0 })
        {
            return;
        }

        json.WriteStartObject(SafetensorsHeader.MetadataName);
        foreach ((string name, string value) in metadata.OrderBy(note => note.Key, StringComparer.Ordinal))
        {
            SafetensorsTensor.RequireUnicode(name);
            SafetensorsTensor.RequireUnicode(value);
            json.WriteString(name, value);
        }

        json.WriteEndObject();
    }

    private static void WriteEntries(Utf8JsonWriter json, IReadOnlyList<SafetensorsTensor> tensors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        long begin = 0;
        foreach (SafetensorsTensor tensor in tensors)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException($"Two tensors are called {TensorText.Quote(tensor.Name)}.", nameof(tensors));
            }

            long end = begin + (sizeof(float) * (long)Elements(tensor).Length);
            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", SafetensorsDType.F32.Label());
            json.WriteStartArray("shape");
            foreach (long size in tensor.Shape)
            {
                json.WriteNumberValue(size);
            }

            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(begin);
            json.WriteNumberValue(end);
            json.WriteEndArray();
            json.WriteEndObject();
            begin = end;
        }
    }

    private static ReadOnlySpan<float> Elements(SafetensorsTensor tensor)
    {
        ReadOnlySpan<float> elements = tensor.Source();
        return elements.Length == tensor.ElementCount
            ? elements
            : throw new ArgumentException(
                $"Tensor {TensorText.Quote(tensor.Name)} of shape {TensorText.Shape(tensor.Shape)} has {elements.Length} elements.",
                nameof(tensor));
    }

    private static void WriteFloats(Stream stream, ReadOnlySpan<float> values)
    {
        // In chunks, because the bytes of a large span are more than a span can count.
        for (ReadOnlySpan<float> rest = values; !rest.IsEmpty; rest = rest[Math.Min(ChunkFloats, rest.Length)..])
        {
            stream.Write(MemoryMarshal.AsBytes(rest[..Math.Min(ChunkFloats, rest.Length)]));
        }
    }
}
