using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// Memory that will be read soon, asked for while something else is computed. Only a hint: it may point anywhere and does nothing where
/// the processor has no such instruction.
/// </summary>
/// <param name="data">The first row.</param>
/// <param name="stride">Floats from one row to the next.</param>
/// <param name="rows">How many rows.</param>
/// <param name="length">Floats in each.</param>
internal unsafe struct Prefetch(float* data, nint stride, int rows, int length)
{
    /// <summary>
    /// How far ahead, in bytes, to ask in each of several streams that are read side by side: a core that another program shares looks only some lines ahead by itself.
    /// Measured: 256 to 512 are alike and gain 10 to 15 %, 128 and 768 gain nothing.
    /// </summary>
    private const int StreamAhead = 384;

    private const int LineFloats = 16;
    private int _row;
    private int _line;

    /// <summary>Rows of numbers of any format, as if they were floats: near enough for a hint.</summary>
    public static Prefetch Of<E>(byte* data, nint stride, int rows, int length)
        where E : struct, IElements => new((float*)data, stride * E.Size / sizeof(float), rows, Math.Max(1, length * E.Size / sizeof(float)));

    /// <summary>Floats from one row to the next.</summary>
    public readonly nint Stride => stride;

    /// <summary>
    /// Takes <paramref name="count"/> lines that lie below each other, to be asked for one by one: gives the first, or null where all have been taken. Lines may be
    /// below the last row.
    /// </summary>
    public float* TakeColumn(int count)
    {
        if (_row >= rows || count < 1)
        {
            return null;
        }

        // By its last float that counts: a row need not begin where a line does.
        float* first = data + _row * stride + Math.Min(_line * LineFloats + LineFloats - 1, length - 1);
        if (++_line * LineFloats >= length)
        {
            _line = 0;
            _row += count;
        }

        return first;
    }

    /// <summary>Asks for rows until <paramref name="part"/> of <paramref name="parts"/> equal parts have been asked for, into the second-level cache.</summary>
    public void Advance(int part, int parts)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        int until = (int)((long)rows * part / parts);
        for (; _row < until; _row++)
        {
            float* row = data + _row * stride;
            for (int i = LineFloats - 1; i < length + LineFloats - 1; i += LineFloats)
            {
                // Each line by its last float that counts: a row need not begin where a line does.
                Sse.Prefetch1(row + Math.Min(i, length - 1));
            }
        }
    }

    /// <summary>Asks for the line of <paramref name="address"/>, into the second-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SoonLine(float* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(address);
        }
    }

    /// <summary>Asks for the line of <paramref name="address"/>, into the first-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(float* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(address);
        }
    }

    /// <summary>Asks for what each of <paramref name="count"/> streams, <paramref name="stride"/> bytes from one to the next, will read soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Streams(byte* at, nint stride, int count)
    {
        byte* ahead = at + StreamAhead;
        for (int i = 0; i < count; i++)
        {
            Line((float*)ahead);
            ahead += stride;
        }
    }

    /// <summary>Asks for all of it, into the first-level cache.</summary>
    public static void All(float* data, nint stride, int rows, int length)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < length; i += LineFloats)
            {
                Sse.Prefetch0(data + row * stride + i);
            }
        }
    }
}
