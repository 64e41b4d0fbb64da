using System.Buffers;
using System.Buffers.Text;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>tiktoken's vocabulary files: on each line a token's bytes in base64, a space, and its rank, which is its id.</summary>
/// <remarks>
/// The file has no merges; a token's merge is of the two tokens that its bytes become by the merges of those before it. It has no special tokens either:
/// <c>&lt;|endoftext|&gt;</c> takes the first id that is free, as in <c>r50k_base</c> (50256, the end) and <c>p50k_base</c> (50256, the one gap). Nor does
/// it name the pattern that cuts text, so files with more tokens than GPT-2's pattern is known for are refused.
/// </remarks>
internal static class TiktokenFile
{
    // p50k_base has the most tokens of those that OpenAI published with GPT-2's pattern; the next, cl100k_base, has 100,256.
    private const int MostTokens = 1 << 16;
    private const int LongestToken = 1 << 16;

    public static BytePairVocabulary Read(ReadOnlySpan<byte> file)
    {
        List<(byte[] Bytes, int Rank, int Line)> tokens = ReadLines(file);
        int count = tokens.Count + 1;
        string?[] spelled = new string?[count];
        foreach ((byte[] bytes, int rank, int line) in tokens)
        {
            if (rank >= count)
            {
                throw new InvalidDataException(
                    $"Line {line} has the rank {rank}, but there are {tokens.Count} tokens; ranks must be 0 to {tokens.Count} with at most one left out.");
            }

            if (spelled[rank] is not null)
            {
                throw new InvalidDataException($"Line {line} has the rank {rank}, which another line has too.");
            }

            spelled[rank] = ByteLevelAlphabet.Spell(bytes);
        }

        int end = Array.IndexOf(spelled, null);
        spelled[end] = BytePairVocabulary.EndOfText;
        tokens.Sort((a, b) => a.Rank.CompareTo(b.Rank));
        return BytePairVocabulary.Create(TokenSpellings.Of(spelled!), SpelledTexts.Of(FindMerges(tokens)), [end], end);
    }

    /// <summary>The merges that make the tokens, as lines of a file of merges.</summary>
    private static List<string> FindMerges(List<(byte[] Bytes, int Rank, int Line)> tokens)
    {
        int[] idOfByte = new int[256];
        Array.Fill(idOfByte, -1);
        foreach ((byte[] bytes, int rank, _) in tokens.Where(token => token.Bytes.Length == 1))
        {
            idOfByte[bytes[0]] = rank;
        }

        int missing = Array.IndexOf(idOfByte, -1);
        if (missing >= 0)
        {
            throw new InvalidDataException($"There is no token for the byte 0x{missing:X2}; a byte-level tokenizer has one for each of the 256.");
        }

        Dictionary<int, byte[]> bytesOf = tokens.ToDictionary(token => token.Rank, token => token.Bytes);
        MergeTable table = new(tokens.Count);
        PieceEncoder encoder = new(table, idOfByte, remembers: false);
        List<string> merges = [];
        foreach ((byte[] bytes, int rank, int line) in tokens.Where(token => token.Bytes.Length > 1))
        {
            encoder.Ids.Clear();
            encoder.Merge(bytes);
            if (encoder.Ids.Ids is not [int left, int right])
            {
                throw new InvalidDataException(
                    $"Line {line}: the token of rank {rank} is not made of two tokens of lower ranks but of {encoder.Ids.Count}, so it has no merge.");
            }

            table.TryAdd(left, right, merges.Count, rank);
            merges.Add($"{ByteLevelAlphabet.Spell(bytesOf[left])} {ByteLevelAlphabet.Spell(bytesOf[right])}");
        }

        return merges;
    }

    private static List<(byte[] Bytes, int Rank, int Line)> ReadLines(ReadOnlySpan<byte> file)
    {
        List<(byte[], int, int)> tokens = [];
        int number = 0;
        foreach (Range range in file.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> line = file[range].TrimEnd((byte)'\r');
            if (line.IsEmpty)
            {
                continue;
            }

            int space = line.IndexOf((byte)' ');
            if (space <= 0 || !Utf8Parser.TryParse(line[(space + 1)..], out int rank, out int read) || read != line.Length - space - 1 || rank < 0)
            {
                throw new InvalidDataException($"Line {number} is not a token in base64, a space and a rank.");
            }

            if (tokens.Count == MostTokens)
            {
                throw new InvalidDataException(
                    $"It has more than {MostTokens} tokens; such vocabularies are of tokenizers that cut text by other patterns than GPT-2's, which are not supported.");
            }

            if (space > LongestToken)
            {
                throw new InvalidDataException($"Line {number} has a token of {space} letters; at most {LongestToken} are possible.");
            }

            byte[] bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(space)];
            if (Base64.DecodeFromUtf8(line[..space], bytes, out int consumed, out int written) != OperationStatus.Done || consumed != space || written == 0)
            {
                throw new InvalidDataException($"Line {number} does not begin with a token in base64.");
            }

            tokens.Add((bytes[..written], rank, number));
        }

        return tokens.Count > 0 ? tokens : throw new InvalidDataException("It is empty.");
    }
}
