using System.Text.Json;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>A <c>tokenizer.json</c> in two: its tokens and merges, which are nearly all of it and are read in passing, and the rest, which is looked at with care.</summary>
internal sealed class TokenizerJsonParts
{
    private TokenizerJsonParts(ReadOnlyMemory<byte> rest, TokenSpellings? tokens, SpelledTexts? merges) => (Rest, Tokens, Merges) = (rest, tokens, merges);

    /// <summary>The file, with null in the place of tokens and merges that were read.</summary>
    public ReadOnlyMemory<byte> Rest { get; }

    /// <summary>The tokens, or null where the file has no object of them at <c>model.vocab</c>.</summary>
    public TokenSpellings? Tokens { get; }

    /// <summary>The merges, or null where the file has no list of them at <c>model.merges</c>.</summary>
    public SpelledTexts? Merges { get; }

    /// <summary>Reads a file to its end.</summary>
    /// <exception cref="JsonException">It is not valid JSON.</exception>
    /// <exception cref="InvalidOperationException">It is not valid Unicode.</exception>
    /// <exception cref="InvalidDataException">It has tokens or merges that are none; the message says which.</exception>
    public static TokenizerJsonParts Read(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> json = file.Span;
        Utf8JsonReader reader = new(json);
        TokenSpellings? tokens = null;
        SpelledTexts? merges = null;
        List<byte> rest = [];
        int copied = 0;
        bool isInModel = false;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1)
            {
                isInModel = reader.ValueTextEquals("model"u8);
            }
            else if (isInModel && reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 2)
            {
                bool isTokens = tokens is null && reader.ValueTextEquals("vocab"u8), isMerges = merges is null && reader.ValueTextEquals("merges"u8);
                reader.Read();
                int start = (int)reader.TokenStartIndex;
                if (isTokens && reader.TokenType == JsonTokenType.StartObject)
                {
                    tokens = VocabularyFiles.ReadTokens(json, ref reader);
                }
                else if (isMerges && reader.TokenType == JsonTokenType.StartArray)
                {
                    merges = VocabularyFiles.ReadMerges(json, ref reader);
                }
                else
                {
                    reader.Skip();
                    continue;
                }

                rest.AddRange(json[copied..start]);
                rest.AddRange("null"u8);
                copied = (int)reader.BytesConsumed;
            }
        }

        if (copied == 0)
        {
            return new TokenizerJsonParts(file, tokens, merges);
        }

        rest.AddRange(json[copied..]);
        return new TokenizerJsonParts(rest.ToArray(), tokens, merges);
    }
}
