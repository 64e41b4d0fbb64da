using System.Text;
using System.Text.Json;

namespace Quatrain.Tokenizers.Tests.Reference;

/// <summary>A small byte-level vocabulary, learned from a few words, for tests that need no real one.</summary>
internal static class TinyVocabulary
{
    public const int MergeCount = 60;
    public const int EndOfText = 256 + MergeCount;

    private const string Text = "the cat's and the other cats' hats; then they'll have seen 100 and 1001 things there, aaaaaaaa        \n\n\n\n and é日本語 日本 caféé!!!! !!!!";

    public static string[] Merges { get; } = Learn();

    /// <summary>Tokens in the order of their ids, in the byte-level alphabet; the last ends a text.</summary>
    public static string[] Tokens { get; } =
        [.. Enumerable.Range(0, 256).Select(value => Spell([(byte)value])), .. Merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)), "<|endoftext|>"];

    public static BytePairTokenizer Tokenizer { get; } = BytePairTokenizer.FromByteLevelTokens(Tokens, Merges);

    public static ReferenceBytePair Reference { get; } = new(Tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id), Merges);

    public static string VocabularyJson { get; } = JsonSerializer.Serialize(Tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id));

    public static string MergesText { get; } = "#version: 0.2\n" + string.Concat(Merges.Select(merge => merge + "\n"));

    public static string Tiktoken { get; } = string.Concat(Tokens.SkipLast(1).Select((token, id) => $"{Convert.ToBase64String(Bytes(token))} {id}\n"));

    /// <summary>A tokenizer.json, with what is between the braces of the model and of the whole changed as a test needs.</summary>
    public static string TokenizerJson(string model = "\"type\":\"BPE\"", string rest = "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", string? merges = null) =>
        "{\"version\":\"1.0\"," + rest + ",\"model\":{" + model + ",\"vocab\":" + VocabularyJson + ",\"merges\":" + (merges ?? JsonSerializer.Serialize(Merges)) + "}}";

    private static string Spell(byte[] bytes) => Quatrain.Tokenizers.BytePair.ByteLevelAlphabet.Spell(bytes);

    private static byte[] Bytes(string token) => [.. token.Select(c => Quatrain.Tokenizers.BytePair.ByteLevelAlphabet.TryByte(Encoding.UTF8.GetBytes([c]), out byte value, out _) ? value : throw new InvalidOperationException())];

    // The most frequent pair of neighbours becomes a token, and again.
    private static string[] Learn()
    {
        List<List<string>> words = [.. ReferenceBytePair.Split(Text).Select(piece => Encoding.UTF8.GetBytes(piece).Select(value => Spell([value])).ToList())];
        List<string> merges = [];
        while (merges.Count < MergeCount)
        {
            (string Left, string Right) best = words.SelectMany(word => word.Zip(word.Skip(1))).GroupBy(pair => pair)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.First + " " + group.Key.Second, StringComparer.Ordinal).First().Key;
            merges.Add($"{best.Left} {best.Right}");
            foreach (List<string> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == best.Left && word[i + 1] == best.Right)
                    {
                        word[i] += word[i + 1];
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return [.. merges];
    }
}
