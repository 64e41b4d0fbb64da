using System.Runtime.InteropServices;

namespace Quatrain.Tensors.Tests.Support;

/// <summary>
/// Operands for kernels, each between two guard zones of a NaN that no kernel makes: a write out of bounds changes a guard, and a read out
/// of bounds that matters turns the result into NaN.
/// </summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    // Odd, so that operands do not begin on register boundaries: kernels must not count on alignment.
    private const int GuardLength = 67;
    private const uint Sentinel = 0x7FC0DEAD;

    private readonly List<(nint Start, int Count)> _blocks = [];

    /// <summary>An output of <paramref name="count"/> floats, all sentinels.</summary>
    public float* New(int count)
    {
        uint* memory = (uint*)NativeMemory.Alloc((nuint)(count + 2 * GuardLength) * sizeof(float));
        new Span<uint>(memory, count + 2 * GuardLength).Fill(Sentinel);
        _blocks.Add(((nint)memory, count));
        return (float*)memory + GuardLength;
    }

    /// <summary>An input.</summary>
    public float* Copy(ReadOnlySpan<float> values)
    {
        float* data = New(values.Length);
        values.CopyTo(new Span<float>(data, values.Length));
        return data;
    }

    /// <summary>An input of ids.</summary>
    public int* Copy(ReadOnlySpan<int> values) => (int*)Copy(MemoryMarshal.Cast<int, float>(values));

    /// <summary>Whether nothing was ever written to this float of an output.</summary>
    public static bool IsUntouched(float value) => BitConverter.SingleToUInt32Bits(value) == Sentinel;

    /// <summary>Fails if a guard zone has changed.</summary>
    public void ShouldBeIntact()
    {
        foreach ((nint start, int count) in _blocks)
        {
            uint* memory = (uint*)start;
            int before = new ReadOnlySpan<uint>(memory, GuardLength).IndexOfAnyExcept(Sentinel);
            int after = new ReadOnlySpan<uint>(memory + GuardLength + count, GuardLength).IndexOfAnyExcept(Sentinel);
            before.ShouldBe(-1, $"a kernel wrote before an operand of {count} elements");
            after.ShouldBe(-1, $"a kernel wrote after an operand of {count} elements");
        }
    }

    public void Dispose()
    {
        foreach ((nint start, _) in _blocks)
        {
            NativeMemory.Free((void*)start);
        }

        _blocks.Clear();
    }
}
