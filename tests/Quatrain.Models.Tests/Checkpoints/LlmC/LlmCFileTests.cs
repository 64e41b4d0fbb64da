using System.Buffers.Binary;
using Quatrain.Models.Checkpoints.LlmC;
using Quatrain.Models.Tests.Gpt2;

namespace Quatrain.Models.Tests.Checkpoints.LlmC;

public sealed class LlmCFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _valid = File.ReadAllBytes(ImportFixtures.Path("tiny-f32.bin"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Padding_of_the_vocabulary_is_left_out()
    {
        using LlmCFile file = LlmCFile.Open(ImportFixtures.Path("tiny-f32.bin"));
        file.Config.VocabularySize.ShouldBe(67);
        file.Entries[0].Shape.ShouldBe([67, 32]);
        file.Locate(file.Entries[1])!.Value.Offset.ShouldBe(1024 + (128 * 32 * 4));
    }

    [Fact]
    public void A_file_of_another_length_is_refused()
    {
        foreach (int length in Enumerable.Range(0, 1100).Append(_valid.Length - 1))
        {
            string path = Save(_valid[..length]);
            Should.Throw<InvalidDataException>(() => LlmCFile.Open(path)).Message.ShouldContain(path);
        }

        Should.Throw<InvalidDataException>(() => LlmCFile.Open(Save([.. _valid, 0]))).Message.ShouldContain("its header describes a model that takes");
    }

    [Theory]
    [InlineData(0, 20240327, "the number that marks")]
    [InlineData(1, 1, "version 1")]
    [InlineData(1, 4, "version 4")]
    [InlineData(2, 0, "n_positions is 0")]
    [InlineData(2, 25, "describes a model that takes")]
    [InlineData(3, -1, "vocab_size is -1")]
    [InlineData(3, 129, "room for 128 tokens")]
    [InlineData(4, int.MaxValue, "n_layer")]
    [InlineData(4, 1000, "describes a model that takes")]
    [InlineData(5, 5, "not a multiple of its n_head")]
    [InlineData(5, int.MinValue, "n_head")]
    [InlineData(6, int.MaxValue, "n_embd")]
    [InlineData(7, int.MaxValue, "describes a model that takes")]
    public void A_wrong_header_is_refused(int place, int value, string problem)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_valid.AsSpan(4 * place), value);
        Should.Throw<InvalidDataException>(() => LlmCFile.Open(Save(_valid))).Message.ShouldContain(problem);
    }

    private string Save(byte[] content)
    {
        File.WriteAllBytes(_folder.File("model.bin"), content);
        return _folder.File("model.bin");
    }
}
