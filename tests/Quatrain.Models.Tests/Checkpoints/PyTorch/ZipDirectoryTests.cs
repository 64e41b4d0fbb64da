using System.Buffers.Binary;
using System.Text;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.PyTorch;

namespace Quatrain.Models.Tests.Checkpoints.PyTorch;

/// <summary>Zip files put together byte by byte from the format's description.</summary>
public sealed class ZipDirectoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Members_are_found_where_they_lie(bool zip64)
    {
        byte[] zip = new Zip { Zip64 = zip64 }.Write();
        using RawFile file = Open(zip);

        ZipDirectory directory = ZipDirectory.Read(file);

        directory.Members.Count().ShouldBe(2);
        foreach ((string name, string content) in (ReadOnlySpan<(string, string)>)[("a", "first"), ("b/c", "second one")])
        {
            ZipMember member = directory.Find(name).ShouldNotBeNull();
            member.Size.ShouldBe(content.Length);
            Encoding.ASCII.GetString(zip.AsSpan((int)directory.Locate(member), (int)member.Size)).ShouldBe(content);
        }

        directory.Find("absent").ShouldBeNull();
    }

    [Fact]
    public void A_comment_at_the_end_is_passed_over_though_it_looks_like_the_end_itself()
    {
        byte[] comment = [.. "PK\u0005\u0006"u8, .. new byte[30]];
        using RawFile file = Open(new Zip { Comment = comment }.Write());

        ZipDirectory.Read(file).Members.Count().ShouldBe(2);
    }

    [Fact]
    public void Two_members_of_one_name_are_refused() => Refused(new Zip { SecondName = "a" }).ShouldContain("two members named 'a'");

    [Fact]
    public void A_compressed_member_is_refused() => Refused(new Zip { Method = 8 }).ShouldContain("compressed");

    [Fact]
    public void An_encrypted_member_is_refused() => Refused(new Zip { Flags = 1 }).ShouldContain("encrypted");

    [Fact]
    public void A_split_file_is_refused() => Refused(new Zip { Disk = 1 }).ShouldContain("split");

    [Fact]
    public void A_name_that_is_not_text_is_refused() => Refused(new Zip { SecondName = "\u00FF" }).ShouldContain("UTF-8");

    [Theory]
    [InlineData(10L)]
    [InlineData(1L << 20)]
    [InlineData((1L << 32) - 2)]
    public void A_size_beyond_the_next_member_is_refused(long size) => Refused(new Zip { FirstSize = size }).ShouldContain("reaches into");

    [Theory]
    [InlineData(-1L)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void An_impossible_size_in_a_zip64_field_is_refused(long size) =>
        Refused(new Zip { Zip64 = true, FirstSize = size }).ShouldContain("reaches into");

    [Fact]
    public void Members_that_share_their_bytes_are_refused() => Refused(new Zip { SecondOffset = 0 }).ShouldContain("reaches into");

    [Theory]
    [InlineData(ushort.MaxValue)]
    [InlineData(3)]
    public void More_members_than_there_are_are_refused(int count) => Refused(new Zip { Count = count }).ShouldContain("table of contents");

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(-1L)]
    [InlineData(1L << 40)]
    public void Claims_of_the_zip64_record_are_compared_with_the_file(long value)
    {
        Refused(new Zip { Zip64 = true, DirectoryOffset = value }).ShouldContain("outside the file");
        Refused(new Zip { Zip64 = true, DirectoryLength = value }).ShouldContain("claims");
        Refused(new Zip { Zip64 = true, Count64 = value }).ShouldContain("claims");
        Refused(new Zip { Zip64 = true, RecordOffset = value }).ShouldContain("outside the file");
    }

    private string Refused(Zip zip)
    {
        using RawFile file = Open(zip.Write());
        return Should.Throw<InvalidDataException>(() =>
        {
            ZipDirectory directory = ZipDirectory.Read(file);
            foreach (ZipMember member in directory.Members)
            {
                directory.Locate(member);
            }
        }).Message;
    }

    private RawFile Open(byte[] content)
    {
        string path = _folder.File("file.zip");
        File.WriteAllBytes(path, content);
        return RawFile.Open(path);
    }

    /// <summary>A zip file of two members, and what can be wrong with it.</summary>
    private sealed class Zip
    {
        public bool Zip64 { get; init; }

        public string SecondName { get; init; } = "b/c";

        public byte[] Comment { get; init; } = [];

        public int Method { get; init; }

        public int Flags { get; init; }

        public int Disk { get; init; }

        public int? Count { get; init; }

        public long? Count64 { get; init; }

        public long? FirstSize { get; init; }

        public long? SecondOffset { get; init; }

        public long? DirectoryOffset { get; init; }

        public long? DirectoryLength { get; init; }

        public long? RecordOffset { get; init; }

        public byte[] Write()
        {
            List<byte> zip = [];
            long second = AddMember(zip, "a", "first").End;
            AddMember(zip, SecondName, "second one");
            long start = zip.Count;
            AddHeader(zip, "a", 0, FirstSize ?? 5);
            AddHeader(zip, SecondName, SecondOffset ?? second, 10);
            long length = zip.Count - start, record = zip.Count;
            if (Zip64)
            {
                zip.AddRange("PK\u0006\u0006"u8);
                Add64(zip, 44);
                Add16(zip, 45, 45);
                Add32(zip, 0, 0);
                Add64(zip, Count64 ?? 2, Count64 ?? 2, DirectoryLength ?? length, DirectoryOffset ?? start);
                zip.AddRange("PK\u0006\u0007"u8);
                Add32(zip, 0);
                Add64(zip, RecordOffset ?? record);
                Add32(zip, 1);
            }

            zip.AddRange("PK\u0005\u0006"u8);
            Add16(zip, Disk, Disk, Count ?? 2, Count ?? 2);
            Add32(zip, Zip64 ? uint.MaxValue : length, Zip64 ? uint.MaxValue : start);
            Add16(zip, Comment.Length);
            zip.AddRange(Comment);
            return [.. zip];
        }

        private static (long Start, long End) AddMember(List<byte> zip, string name, string content)
        {
            long start = zip.Count;
            zip.AddRange("PK\u0003\u0004"u8);
            Add16(zip, 20, 0, 0, 0, 0);
            Add32(zip, 0, content.Length, content.Length);
            Add16(zip, name.Length, 3);
            zip.AddRange(name.Latin1Bytes());
            zip.AddRange("pad"u8);
            zip.AddRange(content.Latin1Bytes());
            return (start, zip.Count);
        }

        private void AddHeader(List<byte> zip, string name, long offset, long size)
        {
            zip.AddRange("PK\u0001\u0002"u8);
            Add16(zip, 20, 20, Flags, Method, 0, 0);
            Add32(zip, 0, Zip64 ? uint.MaxValue : size, Zip64 ? uint.MaxValue : size);
            Add16(zip, name.Length, Zip64 ? 4 + 28 : 0, 0, 0, 0);
            Add32(zip, 0, Zip64 ? uint.MaxValue : offset);
            zip.AddRange(name.Latin1Bytes());
            if (Zip64)
            {
                Add16(zip, 1, 28);
                Add64(zip, size, size, offset);
                Add32(zip, 0);
            }
        }

        private static void Add16(List<byte> zip, params ReadOnlySpan<int> values)
        {
            Span<byte> bytes = stackalloc byte[2];
            foreach (int value in values)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
                zip.AddRange(bytes);
            }
        }

        private static void Add32(List<byte> zip, params ReadOnlySpan<long> values)
        {
            Span<byte> bytes = stackalloc byte[4];
            foreach (long value in values)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)value);
                zip.AddRange(bytes);
            }
        }

        private static void Add64(List<byte> zip, params ReadOnlySpan<long> values)
        {
            Span<byte> bytes = stackalloc byte[8];
            foreach (long value in values)
            {
                BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
                zip.AddRange(bytes);
            }
        }
    }
}
