using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Gpt2.Export;

/// <summary>Writes the weights of an open model, one after another, in the order and the number format that another program wants.</summary>
/// <remarks>At most one matrix of a block is in memory at a time: embeddings, the largest, are copied in pieces.</remarks>
internal sealed class WeightWriter
{
    // A multiple of every block's length.
    private const int ChunkFloats = 1 << 16;

    private readonly Gpt2Source _source;
    private readonly IProgress<double>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<string, long[]> _shapes;
    private readonly long _total;
    private readonly float[] _floats = new float[ChunkFloats];
    private readonly byte[] _bytes = new byte[ChunkFloats * sizeof(float)];
    private long _written;

    public WeightWriter(Gpt2Source source, IProgress<double>? progress, CancellationToken cancellation)
    {
        (_source, _progress, _cancellation) = (source, progress, cancellation);
        _shapes = Gpt2Memory.Parameters(source.Config).ToDictionary(
            parameter => parameter.Name, parameter => Gpt2Checkpoint.Sizes(parameter.Shape), StringComparer.Ordinal);
        _total = _shapes.Values.Sum(Count);
    }

    /// <summary>The shape of a weight in the model.</summary>
    public long[] ShapeOf(string parameter) => _shapes[parameter];

    /// <summary>Writes the weight, as [outputs, inputs] where it is to be <paramref name="transposed"/>.</summary>
    /// <exception cref="InvalidDataException">A weight is not finite, or larger than half precision can say.</exception>
    public void Write(Stream stream, string parameter, bool transposed, RawElementType type)
    {
        Gpt2SourceWeight weight = _source.Find(parameter);
        long[] shape = _shapes[parameter];
        long count = Count(shape);
        if (weight.IsTransposed == transposed)
        {
            for (long start = 0; start < count; start += ChunkFloats)
            {
                Span<float> chunk = _floats.AsSpan(0, (int)Math.Min(ChunkFloats, count - start));
                _source.File.ReadFiniteFloatRange(weight.Entry, start, chunk);
                Write(stream, parameter, chunk, type);
            }

            return;
        }

        float[] values = new float[count];
        _source.ReadWeight(parameter, values);
        if (!transposed)
        {
            for (int start = 0; start < values.Length; start += ChunkFloats)
            {
                Write(stream, parameter, values.AsSpan(start, Math.Min(ChunkFloats, values.Length - start)), type);
            }

            return;
        }

        WriteTransposed(stream, parameter, values, (int)shape[0], (int)shape[1], type);
    }

    /// <summary>Writes zeros.</summary>
    public void WriteZeros(Stream stream, long count, RawElementType type)
    {
        Array.Clear(_bytes);
        for (long rest = type.Bytes(count); rest > 0; rest -= Math.Min(rest, _bytes.Length))
        {
            stream.Write(_bytes, 0, (int)Math.Min(rest, _bytes.Length));
        }
    }

    // Whole rows of the result at a time, gathered from a few columns of the matrix.
    private void WriteTransposed(Stream stream, string parameter, float[] values, int inputs, int outputs, RawElementType type)
    {
        int rowsAtOnce = Math.Max(1, ChunkFloats / inputs);
        float[] block = inputs <= ChunkFloats ? _floats : new float[inputs];
        for (int first = 0; first < outputs; first += rowsAtOnce)
        {
            int rows = Math.Min(rowsAtOnce, outputs - first);
            for (int input = 0; input < inputs; input++)
            {
                ReadOnlySpan<float> source = values.AsSpan((input * outputs) + first, rows);
                for (int row = 0; row < source.Length; row++)
                {
                    block[(row * inputs) + input] = source[row];
                }
            }

            for (int start = 0; start < rows * inputs; start += ChunkFloats)
            {
                Write(stream, parameter, block.AsSpan(start, Math.Min(ChunkFloats, (rows * inputs) - start)), type);
            }
        }
    }

    private void Write(Stream stream, string parameter, ReadOnlySpan<float> chunk, RawElementType type)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (type is RawElementType.F16 or RawElementType.Q8)
        {
            RequireHalf(parameter, chunk, type);
        }

        Span<byte> bytes = _bytes.AsSpan(0, (int)type.Bytes(chunk.Length));
        RawElements.Encode(type, chunk, bytes);
        stream.Write(bytes);
        _written += chunk.Length;
        _progress?.Report(Math.Min(1, (double)_written / _total));
    }

    private static void RequireHalf(string parameter, ReadOnlySpan<float> chunk, RawElementType type)
    {
        float largest = (float)Half.MaxValue * (type == RawElementType.Q8 ? 127 : 1);
        foreach (float value in chunk)
        {
            if (Math.Abs(value) > largest)
            {
                throw new InvalidDataException($"Cannot export the model: '{parameter}' holds {value}, more than {type.Label()} can say; export fp32 or bf16 weights.");
            }
        }
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
