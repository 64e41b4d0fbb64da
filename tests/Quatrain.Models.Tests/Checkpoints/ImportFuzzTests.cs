using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Models.Tests.Checkpoints.Gguf;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>Random damage to valid files either leaves them readable or is refused as bad data, with little memory in either case.</summary>
public sealed class ImportFuzzTests : IDisposable
{
    private const long MostAllocatedBytes = 4_000_000;

    private static readonly byte[][] Pieces =
    [
        [0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 127], [0, 0, 0, 0, 0, 0, 0, 128], [255, 255, 255, 255, 255, 255, 255, 127], [1], [8, 0, 0, 0], [9, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 0, 0],
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Damaged_GGUF_files_are_survived() => Survives(GgufBytes.Sample(), GgufBytes.Sample().Length, 6000);

    [Fact]
    public void Damaged_GGUF_models_are_survived() => Survives(File.ReadAllBytes(ImportFixtures.Path("tiny-q8_0.gguf")), 2400, 1500);

    [Fact]
    public void Damaged_files_of_llm_c_are_survived() => Survives(File.ReadAllBytes(ImportFixtures.Path("tiny-bf16.bin")), 32, 1500);

    private void Survives(byte[] valid, int head, int tries)
    {
        RandomSource random = new(20241128);
        int refused = 0, opened = 0;
        string path = _folder.File("fuzz");
        for (int i = 0; i < tries; i++)
        {
            byte[] damaged = Damage(valid, head, random);
            File.WriteAllBytes(path, damaged);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using (TensorFileContent file = TensorFileContent.Open(path))
                {
                    file.Notes.ShouldNotBeNull();
                }

                GgufVocabulary.TryRead(path);
                using ILanguageModel model = ModelFile.Load(path);
                opened++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            catch (FileNotFoundException error) when (error.Message.Contains("config.json", StringComparison.Ordinal))
            {
                // It looks like a safetensors file now.
                refused++;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"{error.GetType()} for {Convert.ToHexString(damaged.AsSpan(0, Math.Min(head, damaged.Length)))}", error);
            }

            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MostAllocatedBytes);
        }

        refused.ShouldBeGreaterThan(tries / 3);
        (opened + refused).ShouldBe(tries);
    }

    private static byte[] Damage(byte[] valid, int head, RandomSource random)
    {
        List<byte> bytes = [.. valid];
        for (int edits = 1 + random.NextInt32(3); edits > 0; edits--)
        {
            int at = random.NextInt32(head);
            switch (random.NextInt32(6))
            {
                case 0:
                    at = random.NextInt32(bytes.Count + 1);
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.NextInt32(8));
                    break;
                case 2 when at < bytes.Count:
                    bytes.RemoveAt(at);
                    break;
                case 3 when at < bytes.Count:
                    bytes.InsertRange(at, Pieces[random.NextInt32(Pieces.Length)]);
                    break;
                default:
                    byte[] piece = Pieces[random.NextInt32(Pieces.Length)];
                    for (int i = 0; i < piece.Length && at + i < bytes.Count; i++)
                    {
                        bytes[at + i] = piece[i];
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
