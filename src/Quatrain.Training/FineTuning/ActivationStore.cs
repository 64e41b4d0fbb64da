using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Training.FineTuning;

/// <summary>Keeps some floats of each example, in memory or in a file.</summary>
internal abstract class ActivationStore : IDisposable
{
    /// <summary>Keeps <paramref name="values"/> as those of <paramref name="example"/>.</summary>
    public abstract void Write(int example, ReadOnlySpan<float> values);

    /// <summary>Gives back what was written for <paramref name="example"/>.</summary>
    public abstract void Read(int example, Span<float> values);

    /// <summary>Frees the memory, or removes the file.</summary>
    public abstract void Dispose();
}

/// <summary>Keeps an array for each example.</summary>
internal sealed class MemoryActivationStore(int examples) : ActivationStore
{
    private readonly float[]?[] _values = new float[examples][];

    public override void Write(int example, ReadOnlySpan<float> values) => _values[example] = values.ToArray();

    public override void Read(int example, Span<float> values) => _values[example].CopyTo(values);

    public override void Dispose() => Array.Clear(_values);
}

/// <summary>Keeps the floats in a file of this process's own, an example after the other.</summary>
internal sealed class FileActivationStore : ActivationStore
{
    private readonly SafeFileHandle _file;
    private readonly long[] _offsets;
    private readonly string _path;

    /// <param name="path">The file, which is made anew.</param>
    /// <param name="lengths">The floats of each example.</param>
    /// <exception cref="IOException">It can't be made, or the disk has not the space.</exception>
    public FileActivationStore(string path, IReadOnlyList<long> lengths)
    {
        _path = path;
        _offsets = new long[lengths.Count];
        long bytes = 0;
        for (int example = 0; example < lengths.Count; example++)
        {
            _offsets[example] = bytes;
            bytes += lengths[example] * sizeof(float);
        }

        try
        {
            // Preallocation tells at once where there is not the space. The system removes the file with the process.
            _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose | FileOptions.RandomAccess, bytes);
        }
        catch (IOException e) when (DiskSpace.IsFull(e))
        {
            throw Full(e);
        }
    }

    public override void Write(int example, ReadOnlySpan<float> values)
    {
        try
        {
            RandomAccess.Write(_file, MemoryMarshal.AsBytes(values), _offsets[example]);
        }
        catch (IOException e) when (DiskSpace.IsFull(e))
        {
            throw Full(e);
        }
    }

    public override void Read(int example, Span<float> values)
    {
        Span<byte> rest = MemoryMarshal.AsBytes(values);
        long offset = _offsets[example];
        while (rest.Length > 0)
        {
            int count = RandomAccess.Read(_file, rest, offset);
            if (count == 0)
            {
                throw new IOException($"'{_path}' has become shorter while it was in use; run again.");
            }

            rest = rest[count..];
            offset += count;
        }
    }

    public override void Dispose() => _file.Dispose();

    private IOException Full(IOException e) => new($"The disk has not the space for '{_path}'; free some, or choose --cache memory or --cache off.", e);
}
