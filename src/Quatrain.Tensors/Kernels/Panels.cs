using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// Packs matrices into panels, the order in which the tiles read them: a panel holds <c>width</c> rows (or columns) of the operand,
/// all of one k together, so that a tile's inner loop walks forward through memory.
/// </summary>
internal static unsafe class Panels
{
    /// <summary>The floats a packed operand takes: whole panels, and a register's slack for stores over the end.</summary>
    public static long Size(int count, int depth, int width) => (long)(count + width - 1) / width * width * depth + 16;

    /// <summary>
    /// Packs rows: element (i, k) comes from source[i * stride + k], i in [0, count), k in [0, depth).
    /// The panel's element is panels[(i / width) * width * depth + k * width + i % width]; rows that are missing from the last panel are zero.
    /// </summary>
    public static void PackRows(float* source, nint stride, int count, int depth, int width, float* panels) =>
        PackRows<Float32Elements>((byte*)source, stride, count, depth, width, panels);

    /// <summary>The same from numbers of any format, to float32; the stride counts numbers.</summary>
    public static void PackRows<E>(byte* source, nint stride, int count, int depth, int width, float* panels)
        where E : struct, IElements
    {
        for (int first = 0; first < count; first += width)
        {
            int next = first + width;
            Prefetch ahead = next < count ? Prefetch.Of<E>(source + next * stride * E.Size, stride, Math.Min(width, count - next), depth) : default;
            PackRowPanel<E>(source + first * stride * E.Size, stride, Math.Min(width, count - first), depth, width, panels, ahead);
            panels += (nint)width * depth;
        }
    }

    /// <summary>
    /// Packs columns: element (i, k) comes from source[k * stride + i]; the rest as in <see cref="PackRows"/>.
    /// </summary>
    public static void PackColumns(float* source, nint stride, int count, int depth, int width, float* panels) =>
        PackColumns<Float32Elements>((byte*)source, stride, count, depth, width, panels);

    /// <summary>The same from numbers of any format, to float32; the stride counts numbers.</summary>
    public static void PackColumns<E>(byte* source, nint stride, int count, int depth, int width, float* panels)
        where E : struct, IElements
    {
        if (Vector512.IsHardwareAccelerated)
        {
            PackColumns<Lanes16, E>(source, stride, count, depth, width, panels);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            PackColumns<Lanes8, E>(source, stride, count, depth, width, panels);
        }
        else
        {
            PackColumns<Lanes4, E>(source, stride, count, depth, width, panels);
        }
    }

    private static void PackColumns<V, E>(byte* source, nint stride, int count, int depth, int width, float* panels)
        where V : unmanaged, ILanes<V>
        where E : struct, IElements
    {
        // Some rows at a time through all panels: reads stay on lines that are at hand, writes run forward in each panel.
        const int RowsAtOnce = 16;
        int padded = (width + V.Count - 1) / V.Count * V.Count;
        for (int first = 0; first < depth; first += RowsAtOnce)
        {
            int end = Math.Min(first + RowsAtOnce, depth);
            for (int i = 0; i < count; i += width)
            {
                byte* from = source + (first * stride + i) * E.Size;
                float* to = panels + (nint)i * depth + (nint)first * width;
                int k = first;
                // Whole registers, which may run over into the place of the next k: that is written after.
                int whole = i + padded <= count ? Math.Min(end, depth - 1) : first;
                for (; k < whole; k++)
                {
                    for (int j = 0; j < width; j += V.Count)
                    {
                        Prefetch.Line((float*)(from + (RowsAtOnce * stride + j) * E.Size));
                        E.Load<V>(from + j * E.Size).Store(to + j);
                    }

                    from += stride * E.Size;
                    to += width;
                }

                int filled = Math.Min(width, count - i);
                for (; k < end; k++)
                {
                    CopyExactly<V, E>(from, filled, to, width);
                    from += stride * E.Size;
                    to += width;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyExactly<V, E>(byte* from, int count, float* to, int width)
        where V : unmanaged, ILanes<V>
        where E : struct, IElements
    {
        int i = 0;
        for (; i + V.Count <= count; i += V.Count)
        {
            E.Load<V>(from + i * E.Size).Store(to + i);
        }

        for (; i + 4 <= count; i += 4)
        {
            E.Load<Lanes4>(from + i * E.Size).Store(to + i);
        }

        for (; i < count; i++)
        {
            E.Load<Lanes1>(from + i * E.Size).Store(to + i);
        }

        for (; i < width; i++)
        {
            to[i] = 0;
        }
    }

    private static void PackRowPanel<E>(byte* source, nint stride, int filled, int depth, int width, float* panel, Prefetch ahead)
        where E : struct, IElements
    {
        nint rowBytes = stride * E.Size;
        int k = 0;
        if (Avx512F.IsSupported)
        {
            for (; k + 16 <= depth; k += 16)
            {
                ahead.Advance(k + 16, depth);
                for (int row = 0; row + 4 <= filled; row += 4)
                {
                    Transpose4x16<E>(source + row * rowBytes + k * E.Size, rowBytes, panel + (nint)k * width + row, width);
                }
            }
        }

        if (Sse.IsSupported || AdvSimd.Arm64.IsSupported)
        {
            for (; k + 4 <= depth; k += 4)
            {
                for (int row = 0; row + 4 <= filled; row += 4)
                {
                    Transpose4x4<E>(source + row * rowBytes + k * E.Size, rowBytes, panel + (nint)k * width + row, width);
                }
            }

            for (int i = filled / 4 * 4; i < width; i++)
            {
                for (int done = 0; done < k; done++)
                {
                    (i < filled ? E.Load<Lanes1>(source + i * rowBytes + done * E.Size) : Lanes1.Zero).Store(panel + (nint)done * width + i);
                }
            }
        }

        for (; k < depth; k++)
        {
            for (int i = 0; i < width; i++)
            {
                (i < filled ? E.Load<Lanes1>(source + i * rowBytes + k * E.Size) : Lanes1.Zero).Store(panel + (nint)k * width + i);
            }
        }
    }

    /// <summary>Four rows of 16: what <see cref="Transpose4x4"/> does, in the four quarters of each register at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x16<E>(byte* from, nint rowBytes, float* to, nint toStride)
        where E : struct, IElements
    {
        Vector512<float> r0 = E.Load<Lanes16>(from).Register;
        Vector512<float> r1 = E.Load<Lanes16>(from + rowBytes).Register;
        Vector512<float> r2 = E.Load<Lanes16>(from + 2 * rowBytes).Register;
        Vector512<float> r3 = E.Load<Lanes16>(from + 3 * rowBytes).Register;
        Vector512<float> a = Avx512F.UnpackLow(r0, r2), b = Avx512F.UnpackHigh(r0, r2);
        Vector512<float> c = Avx512F.UnpackLow(r1, r3), d = Avx512F.UnpackHigh(r1, r3);
        StoreQuarters(Avx512F.UnpackLow(a, c), to, 4 * toStride);
        StoreQuarters(Avx512F.UnpackHigh(a, c), to + toStride, 4 * toStride);
        StoreQuarters(Avx512F.UnpackLow(b, d), to + 2 * toStride, 4 * toStride);
        StoreQuarters(Avx512F.UnpackHigh(b, d), to + 3 * toStride, 4 * toStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuarters(Vector512<float> columns, float* to, nint stride)
    {
        Avx512F.ExtractVector128(columns, 0).Store(to);
        Avx512F.ExtractVector128(columns, 1).Store(to + stride);
        Avx512F.ExtractVector128(columns, 2).Store(to + 2 * stride);
        Avx512F.ExtractVector128(columns, 3).Store(to + 3 * stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x4<E>(byte* from, nint rowBytes, float* to, nint toStride)
        where E : struct, IElements
    {
        Vector128<float> r0 = E.Load<Lanes4>(from).Register;
        Vector128<float> r1 = E.Load<Lanes4>(from + rowBytes).Register;
        Vector128<float> r2 = E.Load<Lanes4>(from + 2 * rowBytes).Register;
        Vector128<float> r3 = E.Load<Lanes4>(from + 3 * rowBytes).Register;
        // Interleaving rows 0 and 2, then 1 and 3, then the results puts each column in one register.
        Vector128<float> a = Low(r0, r2), b = High(r0, r2), c = Low(r1, r3), d = High(r1, r3);
        Low(a, c).Store(to);
        High(a, c).Store(to + toStride);
        Low(b, d).Store(to + 2 * toStride);
        High(b, d).Store(to + 3 * toStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
