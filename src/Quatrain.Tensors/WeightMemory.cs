using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors;

/// <summary>A weight's numbers, for inference: memory of its own, or part of a mapped file. A matrix, or a vector as a matrix of one row.</summary>
public sealed unsafe class WeightMemory : IDisposable
{
    private readonly NativeBuffer? _own;
    private readonly MappedFile? _file;

    private WeightMemory(int rows, int columns, WeightFormat format, NativeBuffer? own, MappedFile? file, byte* data)
    {
        (Rows, Columns, Format, _own, _file) = (rows, columns, format, own, file);
        Data = data;
    }

    /// <summary>Rows, as they lie in memory.</summary>
    public int Rows { get; }

    /// <summary>Numbers of a row, which lie side by side.</summary>
    public int Columns { get; }

    /// <summary>How they are stored.</summary>
    public WeightFormat Format { get; }

    /// <summary>The bytes of memory of its own; 0 for what is mapped.</summary>
    public long OwnBytes => (_own?.Length ?? 0) * sizeof(float);

    /// <summary>The numbers of memory of its own in float32, to be filled.</summary>
    /// <exception cref="InvalidOperationException">They are of another format, or mapped.</exception>
    public Span<float> Floats => _own is not null && Format == WeightFormat.Float32
        ? new((float*)Data, checked(Rows * Columns))
        : throw new InvalidOperationException("Only float32 numbers in memory of their own can be written.");

    internal byte* Data { get; }

    /// <summary>The bytes of so many rows of numbers.</summary>
    public static long ByteCount(int rows, int columns, WeightFormat format) => format switch
    {
        WeightFormat.Float32 => (long)rows * columns * sizeof(float),
        WeightFormat.BFloat16 => (long)rows * columns * sizeof(ushort),
        _ => rows * Int8Blocks.RowBytes(columns),
    };

    /// <summary>Memory of its own; contents undefined.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses that much.</exception>
    public static WeightMemory Allocate(int rows, int columns, WeightFormat format)
    {
        NativeBuffer own = new((ByteCount(rows, columns, format) + sizeof(float) - 1) / sizeof(float), clear: false);
        return new(rows, columns, format, own, null, (byte*)own.Data);
    }

    /// <summary>Numbers that begin at <paramref name="offset"/> of a mapped file, which must stay open and is not disposed with this.</summary>
    /// <exception cref="ArgumentException">They do not lie in the file.</exception>
    public static WeightMemory Map(MappedFile file, long offset, int rows, int columns, WeightFormat format)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, file.Length - ByteCount(rows, columns, format));
        return new(rows, columns, format, null, file, file.Data + offset);
    }

    /// <summary>The index of the first number (in int8, of the first block's first) that is NaN or infinite; -1 where there is none.</summary>
    public long FindNonFinite(WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        bool inBlocks = Format == WeightFormat.Int8;
        long index = FiniteKernel.FirstNonFinite(Data, Format, (long)Rows * (inBlocks ? Int8Blocks.Count(Columns) : Columns), pool);
        return inBlocks && index >= 0 ? index * Int8Blocks.Length : index;
    }

    /// <summary>The same numbers in another format, the nearest there are, and with rows and columns exchanged where <paramref name="transpose"/>.</summary>
    public WeightMemory ConvertTo(WeightFormat format, bool transpose, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        WeightMemory result = transpose ? Allocate(Columns, Rows, format) : Allocate(Rows, Columns, format);
        WeightConversionKernel.Convert(Data, Format, Rows, Columns, transpose, result.Data, format, pool);
        GC.KeepAlive(this);
        return result;
    }

    /// <summary>Frees memory of its own.</summary>
    public void Dispose()
    {
        GC.KeepAlive(_file);
        _own?.Dispose();
    }
}
