using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Quatrain.Models.Hub;

/// <summary>
/// Which bytes of an unfinished download are there: the file is cut into pieces of one length, and of each piece a first part has arrived. The record lies in
/// a file of its own and follows every write, so a process that is killed loses at most what was on its way.
/// </summary>
/// <remarks>Layout, little-endian: 8 bytes of magic, the file's length (int64), a piece's length (int32), then for each piece what it has (int32).</remarks>
internal sealed class PieceRecord : IDisposable
{
    private const int HeaderLength = 20;
    private const int LongestPiece = 1 << 30;

    private static readonly byte[] Magic = "QPIECES1"u8.ToArray();

    private readonly SafeFileHandle _handle;
    private readonly int[] _done;
    private readonly int _pieceLength;

    private PieceRecord(SafeFileHandle handle, long byteCount, int pieceLength, int[] done) =>
        (_handle, ByteCount, _pieceLength, _done) = (handle, byteCount, pieceLength, done);

    /// <summary>The length of the whole file.</summary>
    public long ByteCount { get; }

    public int PieceCount => _done.Length;

    /// <summary>The bytes of all pieces that are there.</summary>
    public long DoneBytes => _done.Sum(count => (long)count);

    /// <summary>Opens the record at <paramref name="path"/>; one that is absent, damaged or of a file of another length begins anew.</summary>
    /// <param name="path">The record.</param>
    /// <param name="byteCount">The length of the file.</param>
    /// <param name="pieceLength">The length of a piece of a new record.</param>
    /// <param name="isFresh">Whether to begin anew in any case.</param>
    public static PieceRecord Open(string path, long byteCount, int pieceLength, bool isFresh)
    {
        SafeFileHandle handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            if (!isFresh && Read(handle, byteCount) is { } kept)
            {
                return new PieceRecord(handle, byteCount, kept.PieceLength, kept.Done);
            }

            PieceRecord record = new(handle, byteCount, pieceLength, new int[PieceCountOf(byteCount, pieceLength)]);
            record.WriteAll();
            return record;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The bytes that an unfinished download of <paramref name="byteCount"/> bytes has.</summary>
    public static long PeekDoneBytes(string path, long byteCount)
    {
        if (!File.Exists(path))
        {
            return 0;
        }

        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return Read(handle, byteCount)?.Done.Sum(count => (long)count) ?? 0;
    }

    /// <summary>Where a piece begins in the file.</summary>
    public long Start(int piece) => (long)piece * _pieceLength;

    public int Length(int piece) => (int)Math.Min(_pieceLength, ByteCount - Start(piece));

    /// <summary>How much of the piece is there, from its beginning.</summary>
    public int Done(int piece) => Volatile.Read(ref _done[piece]);

    /// <summary>
    /// Notes that <paramref name="count"/> bytes at <paramref name="position"/> have been written, which must follow what their piece has. A piece is one
    /// caller's at a time.
    /// </summary>
    public void Advance(long position, int count)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        while (count > 0)
        {
            int piece = (int)(position / _pieceLength);
            int part = (int)Math.Min(count, Start(piece) + Length(piece) - position);
            if (position != Start(piece) + _done[piece] || part <= 0)
            {
                throw new ArgumentOutOfRangeException(nameof(position), "The bytes do not follow what the piece has.");
            }

            Volatile.Write(ref _done[piece], _done[piece] + part);
            BinaryPrimitives.WriteInt32LittleEndian(bytes, _done[piece]);
            RandomAccess.Write(_handle, bytes, HeaderLength + (long)piece * sizeof(int));
            (position, count) = (position + part, count - part);
        }
    }

    /// <summary>Forgets all pieces.</summary>
    public void Clear()
    {
        Array.Clear(_done);
        WriteAll();
    }

    public void Dispose() => _handle.Dispose();

    private static long PieceCountOf(long byteCount, int pieceLength) => Math.Max(1, (byteCount + pieceLength - 1) / pieceLength);

    private static (int PieceLength, int[] Done)? Read(SafeFileHandle handle, long byteCount)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        if (RandomAccess.Read(handle, header, 0) != HeaderLength || !header.StartsWith(Magic) || BinaryPrimitives.ReadInt64LittleEndian(header[8..]) != byteCount)
        {
            return null;
        }

        int pieceLength = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
        if (pieceLength is < 1 or > LongestPiece)
        {
            return null;
        }

        long pieces = PieceCountOf(byteCount, pieceLength);
        if (RandomAccess.GetLength(handle) != HeaderLength + pieces * sizeof(int) || pieces > int.MaxValue / sizeof(int))
        {
            return null;
        }

        byte[] bytes = new byte[pieces * sizeof(int)];
        if (RandomAccess.Read(handle, bytes, HeaderLength) != bytes.Length)
        {
            return null;
        }

        int[] done = new int[pieces];
        for (int i = 0; i < done.Length; i++)
        {
            done[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * sizeof(int)));
            if (done[i] < 0 || done[i] > Math.Min(pieceLength, byteCount - (long)i * pieceLength))
            {
                return null;
            }
        }

        return (pieceLength, done);
    }

    private void WriteAll()
    {
        byte[] bytes = new byte[HeaderLength + _done.Length * sizeof(int)];
        Magic.CopyTo(bytes, 0);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), ByteCount);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), _pieceLength);
        for (int i = 0; i < _done.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(HeaderLength + i * sizeof(int)), _done[i]);
        }

        RandomAccess.SetLength(_handle, bytes.Length);
        RandomAccess.Write(_handle, bytes, 0);
    }
}
