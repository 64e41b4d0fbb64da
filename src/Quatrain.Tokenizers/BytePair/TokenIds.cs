namespace Quatrain.Tokenizers.BytePair;

/// <summary>Puts tokens that name their ids in the order of the ids.</summary>
internal static class TokenIds
{
    /// <summary>Token i at place i.</summary>
    /// <exception cref="InvalidDataException">An id is out of range, or two tokens have it, so that others have none.</exception>
    public static string[] InOrder(IReadOnlyCollection<KeyValuePair<string, int>> idOf)
    {
        string?[] tokens = new string?[idOf.Count];
        foreach ((string token, int id) in idOf)
        {
            if ((uint)id >= (uint)tokens.Length)
            {
                throw new InvalidDataException(
                    $"Token {BytePairVocabulary.Quote(token)} has the id {id}, but there are {tokens.Length} tokens; ids must be 0 to {tokens.Length - 1} without gaps.");
            }

            if (tokens[id] is { } other)
            {
                throw new InvalidDataException($"Tokens {BytePairVocabulary.Quote(other)} and {BytePairVocabulary.Quote(token)} both have the id {id}.");
            }

            tokens[id] = token;
        }

        // As many different ids as tokens, all in range: none is missing.
        return tokens!;
    }
}
