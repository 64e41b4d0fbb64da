using System.Text;
using Quatrain.Tokenizers.Tests.Reference;

namespace Quatrain.Tokenizers.Tests;

/// <summary>Random damage to valid files either leaves a tokenizer that works or is refused as bad data, with little memory in either case.</summary>
public sealed class TokenizerFuzzTests : IDisposable
{
    private const int Tries = 500;
    private const long MostAllocatedBytes = 8_000_000;

    private static readonly string[] Insertions =
    [
        "\"", "{", "}", "[", "]", ",", ":", "null", "true", "-1", "99999999999", "256", "317", "\\ud800", "\\u0000", "\0", " ", "\n", "\r\n", "é", "Ġ", "\"a\":5,", "[[[[[[[[",
        "\"type\":\"BPE\",", "\"added_tokens\":[],", "IQ== 5\n", "#version", "<|endoftext|>",
    ];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("quatrain-tokenizer-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Damaged_tokenizer_json_is_survived() => Survives("tokenizer.json", Encoding.UTF8.GetString(TinyVocabulary.Tokenizer.ToJson()));

    [Fact]
    public void Damaged_vocab_json_is_survived() => Survives("vocab.json", TinyVocabulary.VocabularyJson, "merges.txt", TinyVocabulary.MergesText);

    [Fact]
    public void Damaged_merges_are_survived() => Survives("vocab.bpe", TinyVocabulary.MergesText, "encoder.json", TinyVocabulary.VocabularyJson);

    [Fact]
    public void Damaged_tiktoken_files_are_survived() => Survives("x.tiktoken", TinyVocabulary.Tiktoken);

    [Fact]
    public void Damaged_character_tokenizers_are_survived() => Survives("tokenizer.json", Encoding.UTF8.GetString(CharacterTokenizer.FromText("abc\né日😀 \"\\").ToJson()));

    private void Survives(string name, string content, string? otherName = null, string? otherContent = null)
    {
        if (otherName is not null)
        {
            File.WriteAllText(Path.Combine(_folder.FullName, otherName), otherContent);
        }

        Random random = new(20260202);
        byte[] valid = Encoding.UTF8.GetBytes(content);
        string path = Path.Combine(_folder.FullName, name);
        int loaded = 0, refused = 0;
        for (int i = 0; i < Tries; i++)
        {
            byte[] damaged = Damage(valid, random);
            File.WriteAllBytes(path, damaged);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Use(TokenizerFile.Load(path));
                loaded++;
            }
            catch (InvalidDataException e)
            {
                refused++;
                e.Message.ShouldNotContain('\n');
                e.Message.Length.ShouldBeLessThan(700);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{e.GetType()} for {Convert.ToBase64String(damaged)}", e);
            }

            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MostAllocatedBytes);
        }

        refused.ShouldBeGreaterThan(Tries / 10);
        loaded.ShouldBeGreaterThan(0);
    }

    // What was taken for a tokenizer must be one: all bytes go in and come out.
    private static void Use(ITokenizer tokenizer)
    {
        if (tokenizer is BytePairTokenizer bytePair)
        {
            byte[] bytes = [.. Enumerable.Range(0, 256).Select(value => (byte)value), .. "the cat's hats"u8];
            bytePair.DecodeBytes(bytePair.EncodeUtf8(bytes)).ShouldBe(bytes);
        }

        tokenizer.ToJson().ShouldNotBeEmpty();
        tokenizer.Decode([0, tokenizer.VocabularySize - 1]);
    }

    private static byte[] Damage(byte[] valid, Random random)
    {
        List<byte> bytes = [.. valid];
        for (int edits = random.Next(1, 4); edits > 0; edits--)
        {
            int at = random.Next(bytes.Count + 1);
            int length = Math.Min(random.Next(64), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0 when random.Next(3) == 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                    break;
                case 3 or 4:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Insertions[random.Next(Insertions.Length)]));
                    break;
                default:
                    if (at < bytes.Count)
                    {
                        bytes[at] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(bytes[at] ^ (1 << random.Next(8)));
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
