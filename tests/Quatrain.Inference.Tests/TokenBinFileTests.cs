using System.Buffers.Binary;

namespace Quatrain.Inference.Tests;

public sealed class TokenBinFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("quatrain-tokens-");

    private string FilePath => Path.Combine(_folder.FullName, "val.bin");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Read_takes_the_low_byte_first()
    {
        File.WriteAllBytes(FilePath, [0x50, 0xC4, 0, 0, 1, 0]);

        TokenBinFile.Read(FilePath, 50_257).ShouldBe([50_256, 0, 1]);
    }

    [Theory]
    [InlineData(32_767)]
    [InlineData(32_768)]
    [InlineData(100_001)]
    public void Read_takes_files_of_any_number_of_chunks(int count)
    {
        int[] expected = [.. Enumerable.Range(0, count).Select(i => i * 7 % 65_536)];
        WriteTokens(expected);

        TokenBinFile.Read(FilePath, 65_536).ShouldBe(expected);
    }

    [Fact]
    public void Read_names_the_first_id_outside_the_vocabulary_and_its_place()
    {
        int[] ids = new int[40_000];
        ids[39_998] = 65;
        ids[39_999] = 66;
        WriteTokens(ids);

        Should.Throw<InvalidDataException>(() => TokenBinFile.Read(FilePath, 65)).Message.ShouldBe(
            $"'{FilePath}' has token id 65 at index 39998, outside the model's vocabulary of 65 tokens; make the file with the model's own tokenizer.");
    }

    [Fact]
    public void Read_refuses_an_empty_file_and_one_cut_within_a_token()
    {
        File.WriteAllBytes(FilePath, []);
        Should.Throw<InvalidDataException>(() => TokenBinFile.Read(FilePath, 65)).Message.ShouldStartWith($"'{FilePath}' is empty;");

        File.WriteAllBytes(FilePath, [1, 0, 2]);
        Should.Throw<InvalidDataException>(() => TokenBinFile.Read(FilePath, 65)).Message.ShouldStartWith($"'{FilePath}' has 3 bytes,");
    }

    [Fact]
    public void CountTokens_refuses_more_than_an_array_can_hold()
    {
        TokenBinFile.CountTokens(2L * Array.MaxLength, "val.bin").ShouldBe(Array.MaxLength);
        Should.Throw<InvalidDataException>(() => TokenBinFile.CountTokens(2L * Array.MaxLength + 2, "val.bin")).Message.ShouldContain("split it");
    }

    [Fact]
    public void Read_of_an_absent_file_is_an_input_output_error() =>
        Should.Throw<FileNotFoundException>(() => TokenBinFile.Read(FilePath, 65)).Message
            .ShouldBe($"There is no token file '{FilePath}'; name a file of 16-bit token ids.");

    [Fact]
    public void Read_takes_memory_for_the_ids_and_one_chunk_only()
    {
        WriteTokens(new int[500_000]);
        TokenBinFile.Read(FilePath, 65);

        long before = GC.GetAllocatedBytesForCurrentThread();
        TokenBinFile.Read(FilePath, 65).Length.ShouldBe(500_000);

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(4 * 500_000 + 200_000);
    }

    private void WriteTokens(int[] ids)
    {
        byte[] bytes = new byte[2 * ids.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)ids[i]);
        }

        File.WriteAllBytes(FilePath, bytes);
    }
}
