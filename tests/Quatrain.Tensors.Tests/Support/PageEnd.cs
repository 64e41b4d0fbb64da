using System.Runtime.InteropServices;

namespace Quatrain.Tensors.Tests.Support;

/// <summary>Memory that ends where a page does, before one that can't be read: a read past the end ends the process. Elsewhere than on Unix, only memory.</summary>
internal sealed unsafe partial class PageEnd : IDisposable
{
    private const int PrivateAnonymous = 0x22, ReadWrite = 3;

    private readonly byte* _start;
    private readonly nuint _length;

    public PageEnd(int bytes)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        _length = ((nuint)bytes + page - 1) / page * page + page;
        if (!OperatingSystem.IsLinux())
        {
            _start = (byte*)NativeMemory.Alloc(_length);
            Data = _start;
            return;
        }

        _start = MemoryMap(null, _length, ReadWrite, PrivateAnonymous, -1, 0);
        MemoryProtect(_start + _length - page, page, 0).ShouldBe(0);
        Data = _start + _length - page - bytes;
    }

    public byte* Data { get; }

    public void Dispose()
    {
        if (OperatingSystem.IsLinux())
        {
            MemoryUnmap(_start, _length).ShouldBe(0);
        }
        else
        {
            NativeMemory.Free(_start);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* MemoryMap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MemoryProtect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(void* address, nuint length);
}
