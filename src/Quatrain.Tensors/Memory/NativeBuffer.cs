using System.Runtime.InteropServices;

namespace Quatrain.Tensors.Memory;

/// <summary>
/// Floats outside the garbage-collected heap: they never move, start on a cache line, and lie on huge pages where the
/// system gives them.
/// </summary>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    /// <summary>The alignment of every buffer and of every tensor in one, in floats: a cache line, and one AVX-512 register.</summary>
    public const int AlignmentFloats = 16;

    private const nuint Line = 64;
    private const nuint HugePage = 2 << 20;

    /// <summary>A buffer of <paramref name="length"/> floats.</summary>
    /// <param name="length">The number of floats.</param>
    /// <param name="clear">True for zeros; false leaves the contents undefined and its pages to whoever touches them first.</param>
    /// <exception cref="InsufficientMemoryException">The system has no such amount of memory; the message gives the size.</exception>
    public NativeBuffer(long length, bool clear = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        if (length == 0)
        {
            return;
        }

        nuint bytes = checked((nuint)length * sizeof(float));
        bool huge = bytes >= HugePage;
        try
        {
            // A spare line at the end, so that a register loaded over the last element stays inside.
            Data = (float*)NativeMemory.AlignedAlloc(bytes + Line, huge ? HugePage : Line);
        }
        catch (OutOfMemoryException)
        {
            throw new InsufficientMemoryException(
                $"The system refused {bytes / 1048576.0:N0} MB of memory; choose a smaller model, batch or context.");
        }

        if (huge && OperatingSystem.IsLinux())
        {
            AdviseHugePages(Data, bytes);
        }

        if (clear)
        {
            NativeMemory.Clear(Data, bytes + Line);
        }

        GC.AddMemoryPressure((long)bytes);
    }

    /// <summary>Frees the memory if nobody did before.</summary>
    ~NativeBuffer() => Free();

    /// <summary>The first float.</summary>
    public float* Data { get; private set; }

    /// <summary>The number of floats.</summary>
    public long Length { get; private set; }

    /// <summary>Frees the memory; whoever still holds a tensor in it must not use it any more.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (Data is not null)
        {
            NativeMemory.AlignedFree(Data);
            GC.RemoveMemoryPressure(Length * sizeof(float));
            Data = null;
            Length = 0;
        }
    }

    private static void AdviseHugePages(void* start, nuint bytes)
    {
        const int AdviceHugePage = 14;
        try
        {
            // Only advice: where it is refused the memory works all the same, so the answer is of no use.
            _ = MemoryAdvise(start, bytes & ~(HugePage - 1), AdviceHugePage);
        }
        catch (EntryPointNotFoundException)
        {
        }
        catch (DllNotFoundException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(void* start, nuint bytes, int advice);
}
