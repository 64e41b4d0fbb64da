using System.Runtime.Intrinsics;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Copies a matrix from one format to another, with rows and columns exchanged where asked.</summary>
internal static unsafe class WeightConversionKernel
{
    // Of rows that lie far apart a stretch of some cache lines is read at a time.
    private const int RowsPerUnit = 64;

    // What is turned at a time lies in the first-level cache. It is a block of int8 numbers.
    private const int TermsAtOnce = Int8Blocks.Length;

    /// <summary>
    /// Reads [rows, columns] of one format and writes [rows, columns], or [columns, rows], of another. Each number becomes the nearest the format has, ties to even.
    /// </summary>
    public static void Convert(
        byte* source, WeightFormat from, int rows, int columns, bool transpose, byte* destination, WeightFormat to, WorkerPool pool)
    {
        int height = transpose ? columns : rows, width = transpose ? rows : columns;
        pool.ReserveScratch(transpose ? RowsPerUnit * (TermsAtOnce + 1) : width);
        Work work = new()
        {
            Source = source,
            From = from,
            SourceColumns = columns,
            Transpose = transpose,
            Destination = destination,
            To = to,
            Height = height,
            Width = width,
            Scratch = pool.ScratchTable,
        };
        pool.Run(work, (height + RowsPerUnit - 1) / RowsPerUnit);
    }

    /// <summary>The numbers of a stored row from <paramref name="first"/> on as floats.</summary>
    public static void LoadRow(byte* row, WeightFormat format, int first, int count, float* floats)
    {
        switch (format)
        {
            case WeightFormat.Float32:
                new ReadOnlySpan<float>((float*)row + first, count).CopyTo(new Span<float>(floats, count));
                break;
            case WeightFormat.BFloat16:
                ushort* halves = (ushort*)row + first;
                int i = 0;
                for (; i + 4 <= count; i += 4)
                {
                    Lanes4.LoadBFloat16(halves + i).Store(floats + i);
                }

                for (; i < count; i++)
                {
                    Lanes1.LoadBFloat16(halves + i).Store(floats + i);
                }

                break;
            default:
                // A unit begins where a block does.
                Int8Blocks.Load(row + (nint)(first / Int8Blocks.Length) * Int8Blocks.Size, count, floats);
                break;
        }
    }

    private static void StoreRow(float* floats, int count, byte* row, WeightFormat format)
    {
        switch (format)
        {
            case WeightFormat.Float32:
                new ReadOnlySpan<float>(floats, count).CopyTo(new Span<float>((float*)row, count));
                break;
            case WeightFormat.BFloat16:
                RoundToBFloat16((uint*)floats, count, (ushort*)row);
                break;
            default:
                Int8Blocks.Store(floats, count, row);
                break;
        }
    }

    private static void RoundToBFloat16(uint* bits, int count, ushort* result)
    {
        int i = 0;
        for (; i + 2 * Vector128<uint>.Count <= count; i += 2 * Vector128<uint>.Count)
        {
            Vector128.Narrow(Rounded(Vector128.Load(bits + i)), Rounded(Vector128.Load(bits + i + Vector128<uint>.Count))).Store(result + i);
        }

        for (; i < count; i++)
        {
            result[i] = (ushort)Rounded(Vector128.CreateScalarUnsafe(bits[i])).ToScalar();
        }

        // Half of the last place, less one where the digit before it is even. The numbers are finite; the largest become infinite, as rounding has it.
        static Vector128<uint> Rounded(Vector128<uint> bits) => (bits + Vector128.Create(0x7FFFu) + ((bits >>> 16) & Vector128<uint>.One)) >>> 16;
    }

    private struct Work : IWork
    {
        public byte* Source, Destination;
        public WeightFormat From, To;
        public int SourceColumns, Height, Width;
        public bool Transpose;
        public float** Scratch;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            long fromBytes = WeightMemory.ByteCount(1, SourceColumns, From), toBytes = WeightMemory.ByteCount(1, Width, To);
            float* scratch = Scratch[worker];
            for (int unit = start; unit < end; unit++)
            {
                int first = unit * RowsPerUnit, count = Math.Min(RowsPerUnit, Height - first);
                if (Transpose)
                {
                    TurnColumns(first, count, fromBytes, toBytes, scratch);
                    continue;
                }

                for (int row = first; row < first + count; row++)
                {
                    LoadRow(Source + row * fromBytes, From, 0, Width, scratch);
                    StoreRow(scratch, Width, Destination + row * toBytes, To);
                }
            }
        }

        private readonly void TurnColumns(int first, int count, long fromBytes, long toBytes, float* tile)
        {
            float* part = tile + RowsPerUnit * TermsAtOnce;
            for (int k = 0; k < Width; k += TermsAtOnce)
            {
                int terms = Math.Min(TermsAtOnce, Width - k);
                for (int j = 0; j < terms; j++)
                {
                    LoadRow(Source + (k + j) * fromBytes, From, first, count, part);
                    for (int i = 0; i < count; i++)
                    {
                        tile[i * TermsAtOnce + j] = part[i];
                    }
                }

                byte* destination = Destination + first * toBytes + WeightMemory.ByteCount(1, k, To);
                for (int i = 0; i < count; i++)
                {
                    StoreRow(tile + i * TermsAtOnce, terms, destination + i * toBytes, To);
                }
            }
        }
    }
}
