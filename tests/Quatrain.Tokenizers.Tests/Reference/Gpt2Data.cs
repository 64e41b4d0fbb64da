using System.Text.Json;
using Quatrain.Tests;

namespace Quatrain.Tokenizers.Tests.Reference;

/// <summary>GPT-2's published vocabulary, in each of its files. Tests of it are marked <c>[SharedDataFact(Gpt2Data.Encoder)]</c>.</summary>
internal static class Gpt2Data
{
    public const string Folder = "gpt2-tokenizer/";
    public const string Encoder = Folder + "encoder.json";

    private static readonly Lazy<BytePairTokenizer> Loaded = new(() => (BytePairTokenizer)TokenizerFile.Load(SharedData.Get(Encoder)));

    private static readonly Lazy<ReferenceBytePair> LoadedReference = new(() => new ReferenceBytePair(
        JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(SharedData.Get(Encoder)))!,
        [.. File.ReadAllLines(SharedData.Get(Folder + "vocab.bpe")).Skip(1)]));

    public static BytePairTokenizer Tokenizer => Loaded.Value;

    public static ReferenceBytePair Reference => LoadedReference.Value;
}
