using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

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
    public static void PackRows(float* source, nint stride, int count, int depth, int width, float* panels)
    {
        for (int first = 0; first < count; first += width)
        {
            PackRowPanel(source + first * stride, stride, Math.Min(width, count - first), depth, width, panels);
            panels += (nint)width * depth;
        }
    }

    /// <summary>
    /// Packs columns: element (i, k) comes from source[k * stride + i]; the rest as in <see cref="PackRows"/>.
    /// </summary>
    public static void PackColumns(float* source, nint stride, int count, int depth, int width, float* panels)
    {
        for (int first = 0; first < count; first += width)
        {
            int filled = Math.Min(width, count - first);
            float* from = source + first;
            for (int k = 0; k < depth; k++)
            {
                Copy(from, filled, panels);
                for (int i = filled; i < width; i++)
                {
                    panels[i] = 0;
                }

                panels += width;
                from += stride;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, int count, float* to)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16)
            {
                Vector512.Store(Vector512.Load(from + i), to + i);
            }
        }

        for (; i + 4 <= count; i += 4)
        {
            Vector128.Store(Vector128.Load(from + i), to + i);
        }

        for (; i < count; i++)
        {
            to[i] = from[i];
        }
    }

    private static void PackRowPanel(float* source, nint stride, int filled, int depth, int width, float* panel)
    {
        int k = 0;
        if (Sse.IsSupported || AdvSimd.Arm64.IsSupported)
        {
            int groups = filled / 4;
            for (; k + 4 <= depth; k += 4)
            {
                for (int group = 0; group < groups; group++)
                {
                    Transpose4x4(source + group * 4 * stride + k, stride, panel + (nint)k * width + group * 4, width);
                }
            }

            for (int i = groups * 4; i < width; i++)
            {
                for (int done = 0; done < k; done++)
                {
                    panel[(nint)done * width + i] = i < filled ? source[i * stride + done] : 0;
                }
            }
        }

        for (; k < depth; k++)
        {
            for (int i = 0; i < width; i++)
            {
                panel[(nint)k * width + i] = i < filled ? source[i * stride + k] : 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x4(float* from, nint fromStride, float* to, nint toStride)
    {
        Vector128<float> r0 = Vector128.Load(from);
        Vector128<float> r1 = Vector128.Load(from + fromStride);
        Vector128<float> r2 = Vector128.Load(from + 2 * fromStride);
        Vector128<float> r3 = Vector128.Load(from + 3 * fromStride);
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
