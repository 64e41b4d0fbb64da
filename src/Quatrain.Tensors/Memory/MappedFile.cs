using System.IO.MemoryMappedFiles;

namespace Quatrain.Tensors.Memory;

/// <summary>A file as memory that can only be read. Its pages are the system's file cache, so processes share them and nothing is copied.</summary>
/// <remarks>A file that is cut short while it is mapped ends the process when the missing part is read; whoever replaces one must rename a new file over it.</remarks>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private MappedFile(MemoryMappedFile file, MemoryMappedViewAccessor view, byte* data, long length)
    {
        (_file, _view, Length) = (file, view, length);
        Data = data;
    }

    /// <summary>The file's bytes.</summary>
    public long Length { get; }

    internal byte* Data { get; private set; }

    /// <summary>Maps all of the file at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidDataException">The file is empty.</exception>
    /// <exception cref="IOException">It is absent or cannot be mapped.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static MappedFile Open(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        long length = stream.Length;
        if (length == 0)
        {
            throw new InvalidDataException($"Cannot read '{path}': it is empty.");
        }

        MemoryMappedFile file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            MemoryMappedViewAccessor view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* data = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref data);
            return new MappedFile(file, view, data + view.PointerOffset, length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Ends the mapping; weights in it must not be used any more.</summary>
    public void Dispose()
    {
        if (Data is not null)
        {
            Data = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }
}
