using Quatrain.Tokenizers.BytePair;

namespace Quatrain.Tokenizers;

/// <content>The files it can be kept in.</content>
public sealed partial class BytePairTokenizer
{
    /// <summary>The number of merges.</summary>
    public int MergeCount => _vocabulary.MergeList.Length;

    /// <summary>Token <paramref name="id"/> as vocabularies spell it: a visible character a byte, or a special token as it is written.</summary>
    /// <exception cref="InvalidDataException">The id lies outside [0, VocabularySize).</exception>
    public string ByteLevelToken(int id)
    {
        ByteCount(id);
        return _vocabulary.Spelling(id);
    }

    /// <summary>The merge of rank <paramref name="rank"/>, the tokens it joins with a space between, as <see cref="FromByteLevelTokens"/> takes it.</summary>
    public string ByteLevelMerge(int rank)
    {
        (int left, int right) = _vocabulary.MergeList[rank];
        return $"{_vocabulary.Spelling(left)} {_vocabulary.Spelling(right)}";
    }

    /// <summary>Hugging Face's <c>tokenizer.json</c>, of the kind that its library reads as GPT-2's fast tokenizer, as UTF-8.</summary>
    public byte[] ToJson() => TokenizerJson.Write(_vocabulary);

    /// <summary>The <c>vocab.json</c> that belongs to <see cref="ToMergesText"/>, as UTF-8.</summary>
    public byte[] ToVocabularyJson() => VocabularyFiles.WriteVocabulary(_vocabulary);

    /// <summary>The <c>merges.txt</c> that belongs to <see cref="ToVocabularyJson"/>, as UTF-8.</summary>
    public byte[] ToMergesText() => VocabularyFiles.WriteMerges(_vocabulary);

    /// <summary>The <c>tokenizer_config.json</c> that Hugging Face's library reads beside <see cref="ToJson"/>, as UTF-8.</summary>
    /// <param name="contextLength">The most tokens that the model looks at.</param>
    public byte[] ToConfigJson(int contextLength) => TokenizerJson.WriteConfig(_vocabulary, contextLength);
}
