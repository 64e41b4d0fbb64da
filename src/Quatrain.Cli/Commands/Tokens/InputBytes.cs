namespace Quatrain.Cli.Commands.Tokens;

/// <summary>A file or standard input, read in order through a buffer that is no larger than what has to be seen at once.</summary>
internal sealed class InputBytes : IDisposable
{
    /// <summary>The most that is looked at as one: a line, or a text without a place to cut it.</summary>
    public const int MostBuffered = 64 << 20;

    private const string StandardInput = "-";
    private const int FirstBuffer = 1 << 16;

    private readonly Stream _stream;
    private readonly bool _isTerminalOrPipe;
    private readonly CancellationToken _cancellation;
    private byte[] _buffer = new byte[FirstBuffer];
    private int _start, _end, _searched;

    /// <param name="path">A file, or - for standard input.</param>
    /// <param name="cancellation">Ends the reading, even while it waits for standard input.</param>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public InputBytes(string path, CancellationToken cancellation)
    {
        _isTerminalOrPipe = path == StandardInput;
        _cancellation = cancellation;
        Name = _isTerminalOrPipe ? "standard input" : $"'{path}'";
        if (!_isTerminalOrPipe && !File.Exists(path))
        {
            throw new FileNotFoundException($"{(Directory.Exists(path) ? $"'{path}' is a folder" : $"There is no file '{path}'")}; name a file, or - for standard input.", path);
        }

        _stream = _isTerminalOrPipe ? Console.OpenStandardInput() : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
    }

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>The bytes that were read and not yet taken.</summary>
    public ReadOnlyMemory<byte> Buffered => _buffer.AsMemory(_start, _end - _start);

    /// <summary>Whether nothing follows what is buffered.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>All bytes taken so far.</summary>
    public long Taken { get; private set; }

    /// <summary>Takes the first <paramref name="count"/> of the bytes that are buffered.</summary>
    public void Take(int count)
    {
        _start += count;
        Taken += count;
        _searched = 0;
    }

    /// <summary>Reads until <paramref name="count"/> bytes are buffered or the input ends; less than that if so much is already there.</summary>
    public void FillTo(int count)
    {
        while (_end - _start < count && Fill())
        {
        }
    }

    /// <summary>Takes the next line, without its line feed.</summary>
    /// <param name="line">The line; it holds until the next is taken.</param>
    /// <param name="isEnded">Whether it had a line feed; only the last of the input may not.</param>
    /// <exception cref="InvalidDataException">It is longer than <see cref="MostBuffered"/>.</exception>
    public bool TryTakeLine(out ReadOnlyMemory<byte> line, out bool isEnded)
    {
        while (true)
        {
            int found = Buffered.Span[_searched..].IndexOf((byte)'\n');
            if (found >= 0)
            {
                int length = _searched + found;
                line = Buffered[..length];
                isEnded = true;
                Take(length + 1);
                return true;
            }

            _searched = Buffered.Length;
            if (_searched >= MostBuffered)
            {
                throw new InvalidDataException($"A line of {Name} is longer than the {MostBuffered >> 20} MiB that can be read as one; cut it into lines.");
            }

            if (!Fill())
            {
                line = Buffered;
                isEnded = false;
                Take(line.Length);
                return line.Length > 0;
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>Reads more; false at the end.</summary>
    public bool Fill()
    {
        _cancellation.ThrowIfCancellationRequested();
        if (IsAtEnd)
        {
            return false;
        }

        if (_end == _buffer.Length)
        {
            int kept = _end - _start;
            byte[] target = kept > _buffer.Length / 2 ? new byte[2 * _buffer.Length] : _buffer;
            _buffer.AsSpan(_start, kept).CopyTo(target);
            _buffer = target;
            (_start, _end) = (0, kept);
        }

        int read = Read(_buffer.AsMemory(_end));
        _end += read;
        IsAtEnd = read == 0;
        return !IsAtEnd;
    }

    // Reading standard input can't be cancelled, but waiting for it can.
    private int Read(Memory<byte> free) => _isTerminalOrPipe
        ? Task.Run(() => _stream.Read(free.Span), CancellationToken.None).WaitAsync(_cancellation).GetAwaiter().GetResult()
        : _stream.Read(free.Span);
}
