using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Checkpoints.Gguf;

public sealed class GgufFileTests : IDisposable
{
    private const string Vocabulary = "gpt2-tokenizer/ggml-vocab-gpt-2.gguf";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_and_metadata_are_read()
    {
        using GgufFile file = Open(GgufBytes.Sample());

        file.Entries.Select(entry => $"{entry.Name} {entry.TypeName} {string.Join('x', entry.Shape)}").ShouldBe(["a F32 2x3", "q Q8_0 1x32", "h BF16 2"]);
        Read(file, "a").ShouldBe([0, 1, 2, 3, 4, 5]);
        Read(file, "q").ShouldBe(Enumerable.Range(0, 32).Select(i => 0.5f * (i - 16)));
        Read(file, "h").ShouldBe([1, -2]);
        file.Metadata.Text("general.architecture").ShouldBe("gpt2");
        file.Metadata.TryInteger("number", out long number).ShouldBeTrue();
        number.ShouldBe(7);
        file.Metadata.TryInteger("ratio", out _).ShouldBeFalse();
        file.Metadata.TryNumber("ratio", out double ratio).ShouldBeTrue();
        ratio.ShouldBe(0.5);
        GgufReader reader = file.NewReader();
        file.Metadata.Texts("words", reader).ShouldBe(["one", "two"]);
        file.Metadata.Integers("numbers", reader).ShouldBe([1, 2, -1]);
        file.Metadata.Texts("numbers", reader).ShouldBeNull();
        file.Metadata.Described.ShouldContain(("words", "2 x String"));
        file.Metadata.Described.ShouldContain(("flag", "True"));
    }

    [Fact]
    public void A_file_cut_short_at_any_length_is_refused()
    {
        byte[] whole = GgufBytes.Sample();

        // What follows the last tensor's four bytes is padding.
        for (int length = 0; length < whole.Length - 28; length++)
        {
            Refusal(whole[..length]).ShouldContain("download or export the file again");
        }
    }

    [Theory]
    [InlineData(1, "version 1")]
    [InlineData(4, "version 4")]
    [InlineData(0x03000000, "big-endian")]
    public void Other_versions_are_refused(uint version, string problem) => Refusal(GgufBytes.Head(0, 0, version).ToArray()).ShouldContain(problem);

    [Fact]
    public void Huge_claims_are_refused_without_allocating()
    {
        Check(GgufBytes.Head(ulong.MaxValue, 0), "claims 18446744073709551615 tensors");
        Check(GgufBytes.Head(1UL << 40, 0), "tensors, more than");
        Check(GgufBytes.Head(0, 1UL << 40), "metadata values, more than");
        Check(GgufBytes.Head(0, 1).U64(ulong.MaxValue), "goes beyond its end");
        Check(GgufBytes.Head(0, 1).U64(1UL << 62), "goes beyond its end");
        Check(GgufBytes.Head(0, 1).Text("k").U32(8).U64(1UL << 63), "goes beyond its end");
        Check(GgufBytes.Head(0, 1).Text("k").U32(9).U32(4).U64(1UL << 62), "claims 4611686018427387904 items");
        Check(GgufBytes.Head(0, 1).Text("k").U32(9).U32(8).U64(1UL << 61), "items, more than");
        Check(GgufBytes.Head(0, 1).Text("k").U32(9).U32(8).U64(1).U64(ulong.MaxValue), "goes beyond its end");

        void Check(GgufBytes bytes, string problem)
        {
            byte[] content = bytes.Raw(new byte[64]).ToArray();
            string path = Save(content);
            long before = GC.GetAllocatedBytesForCurrentThread();
            string message = Should.Throw<InvalidDataException>(() => GgufFile.Open(path)).Message;
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000_000);
            message.ShouldContain(problem);
        }
    }

    [Fact]
    public void Wrong_metadata_are_refused()
    {
        Refusal(GgufBytes.Head(0, 2).Text("k").U32(4).U32(1).Text("k").U32(4).U32(1)).ShouldContain("'k' twice");
        Refusal(GgufBytes.Head(0, 1).Text("k").U32(13).U64(0)).ShouldContain("unknown type 13");
        Refusal(GgufBytes.Head(0, 1).Text("k").U32(9).U32(9).U64(1)).ShouldContain("array of the type 9");
        Refusal(GgufBytes.Head(0, 1).Text("k").U32(9).U32(77).U64(1)).ShouldContain("array of the type 77");
        Refusal(GgufBytes.Head(0, 1).U64(2).Raw([0xFF, 0xFE]).U32(4).U32(0)).ShouldContain("not valid UTF-8");
        foreach (uint alignment in (uint[])[0, 3, 1 << 21])
        {
            Refusal(GgufBytes.Head(0, 1).Text("general.alignment").U32(4).U32(alignment)).ShouldContain("not a power of two");
        }
    }

    [Fact]
    public void Wrong_tensors_are_refused()
    {
        Refusal(GgufBytes.Head(2, 0).Tensor("t", 0, 0, 1).Tensor("t", 0, 32, 1)).ShouldContain("two tensors called 't'");
        Refusal(GgufBytes.Head(1, 0).Tensor(new string('n', 65), 0, 0, 1)).ShouldContain("65 bytes long");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, 0, 1, 1, 1, 1, 1)).ShouldContain("5 dimensions");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, 0, ulong.MaxValue)).ShouldContain("a dimension of");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, 0, 1UL << 40, 1UL << 40)).ShouldContain("larger than any file");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, 0, 1UL << 61)).ShouldContain("larger than any file");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 99, 0, 1)).ShouldContain("type number 99");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 8, 0, 33)).ShouldContain("rows of 33 elements");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, 16, 1)).ShouldContain("no multiple of the alignment");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, 1UL << 63, 1)).ShouldContain("beyond any file");
        Refusal(GgufBytes.Head(1, 0).Tensor("t", 0, long.MaxValue - 31, 1)).ShouldContain("cut short");
        Refusal(GgufBytes.Head(2, 0).Tensor("t", 0, 0, 9).Tensor("u", 0, 32, 1).Pad().Raw(new byte[64])).ShouldContain("inside the tensor before it");
    }

    [Fact]
    public void A_tensor_of_another_type_is_listed_and_not_read()
    {
        using GgufFile file = Open(GgufBytes.Head(1, 0).Tensor("t", 2, 0, 32).Pad().Raw(new byte[18]).ToArray());
        file.Entries[0].TypeName.ShouldBe("Q4_0");
        file.Entries[0].IsReadableAsFloats.ShouldBeFalse();
        file.Locate(file.Entries[0]).ShouldBeNull();
        Should.Throw<InvalidDataException>(() => file.ReadFloatRange(file.Entries[0], 0, new float[1])).Message.ShouldContain("holds Q4_0 elements");
    }

    [Fact]
    public void Elements_beyond_four_gibibytes_are_found()
    {
        // A file with a hole, which takes no room where the system knows such files.
        const long Hole = 5L << 30;
        byte[] head = GgufBytes.Head(2, 0).Tensor("hole", 24, 0, (ulong)Hole).Tensor("t", 0, (ulong)Hole, 3).Pad().ToArray();
        string path = Save(head);
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(head.Length + Hole + 12);
            stream.Position = head.Length + Hole;
            stream.Write(SafetensorsBytes.Floats(7, 8, 9));
        }

        using GgufFile file = GgufFile.Open(path);
        Read(file, "t").ShouldBe([7, 8, 9]);
        file.TryGet("t", out TensorEntry? entry).ShouldBeTrue();
        file.Locate(entry)!.Value.Offset.ShouldBe(head.Length + Hole);
    }

    [SharedDataFact(Vocabulary)]
    public void The_published_vocabulary_is_read()
    {
        GgufVocabulary vocabulary = GgufVocabulary.TryRead(SharedData.Get(Vocabulary))!;
        vocabulary.Tokens.Count.ShouldBe(50257);
        vocabulary.Tokens[50256].ShouldBe("<|endoftext|>");
        vocabulary.Merges.Count.ShouldBe(50000);
        vocabulary.Merges[0].ShouldBe("Ġ t");
        vocabulary.SpecialIds.ShouldBe([50256]);
        vocabulary.EndOfTextId.ShouldBe(50256);
        Should.Throw<InvalidDataException>(() => ModelFile.Load(SharedData.Get(Vocabulary))).Message.ShouldContain("a vocabulary by itself");
    }

    private static float[] Read(GgufFile file, string name)
    {
        file.TryGet(name, out TensorEntry? entry).ShouldBeTrue();
        float[] values = new float[entry.ElementCount];
        file.ReadFloatRange(entry, 0, values);
        return values;
    }

    private string Save(byte[] content)
    {
        string path = _folder.File("file.gguf");
        File.WriteAllBytes(path, content);
        return path;
    }

    private GgufFile Open(byte[] content) => GgufFile.Open(Save(content));

    private string Refusal(GgufBytes bytes) => Refusal(bytes.Pad().ToArray());

    private string Refusal(byte[] content)
    {
        string path = Save(content);
        string message = Should.Throw<InvalidDataException>(() => GgufFile.Open(path)).Message;
        message.ShouldContain(path);
        return message;
    }
}
