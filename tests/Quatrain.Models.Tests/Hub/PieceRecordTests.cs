using System.Buffers.Binary;
using Quatrain.Models.Hub;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors;

namespace Quatrain.Models.Tests.Hub;

public sealed class PieceRecordTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string RecordPath => _folder.File("pieces");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_noted_is_there_for_the_next_process()
    {
        using (PieceRecord record = Open(1000, 300))
        {
            record.PieceCount.ShouldBe(4);
            record.Length(3).ShouldBe(100);
            record.Advance(300, 50);
            record.Advance(350, 250);
            record.Advance(900, 99);
            PieceRecord.PeekDoneBytes(RecordPath, 1000).ShouldBe(399);
        }

        // The length of its pieces stays what it was.
        using PieceRecord again = Open(1000, 200);
        again.DoneBytes.ShouldBe(399);
        Enumerable.Range(0, 4).Select(again.Done).ShouldBe([0, 300, 0, 99]);
        again.Start(3).ShouldBe(900);
    }

    [Fact]
    public void Bytes_may_run_on_from_piece_to_piece()
    {
        using PieceRecord record = Open(1000, 300);

        record.Advance(0, 1000);

        record.DoneBytes.ShouldBe(1000);
        Should.Throw<ArgumentOutOfRangeException>(() => record.Advance(0, 1));
        record.Clear();
        record.DoneBytes.ShouldBe(0);
        Should.Throw<ArgumentOutOfRangeException>(() => record.Advance(1, 1));
    }

    [Fact]
    public void A_record_of_another_file_begins_anew()
    {
        Open(1000, 300).Dispose();
        using (PieceRecord record = Open(1000, 300))
        {
            record.Advance(0, 10);
        }

        PieceRecord.PeekDoneBytes(RecordPath, 1001).ShouldBe(0);
        using (PieceRecord record = Open(1001, 300))
        {
            record.DoneBytes.ShouldBe(0);
        }

        using PieceRecord empty = Open(0, 300);
        empty.PieceCount.ShouldBe(1);
        empty.Length(0).ShouldBe(0);
    }

    [Fact]
    public void A_damaged_record_is_never_believed_beyond_the_file()
    {
        using (PieceRecord record = Open(1000, 300))
        {
            record.Advance(0, 1000);
        }

        byte[] good = File.ReadAllBytes(RecordPath);
        RandomSource random = new(3);
        for (int round = 0; round < 60; round++)
        {
            byte[] bad = good[..random.NextInt32(good.Length + 1)];
            for (int i = 0; i < 3 && bad.Length > 0; i++)
            {
                bad[random.NextInt32(bad.Length)] = (byte)random.NextInt32(256);
            }

            File.WriteAllBytes(RecordPath, bad);
            PieceRecord.PeekDoneBytes(RecordPath, 1000).ShouldBeInRange(0, 1000);
            using PieceRecord record = Open(1000, 300);
            record.DoneBytes.ShouldBeInRange(0, 1000);
            Enumerable.Range(0, record.PieceCount).ShouldAllBe(piece => record.Done(piece) >= 0 && record.Done(piece) <= record.Length(piece));
        }
    }

    [Fact]
    public void A_record_that_claims_billions_of_pieces_takes_no_memory()
    {
        byte[] bytes = new byte[24];
        "QPIECES1"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), 1L << 43);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), 1);
        File.WriteAllBytes(RecordPath, bytes);

        PieceRecord.PeekDoneBytes(RecordPath, 1L << 43).ShouldBe(0);
    }

    private PieceRecord Open(long byteCount, int pieceLength) => PieceRecord.Open(RecordPath, byteCount, pieceLength, isFresh: false);
}
