using Quatrain.Tokenizers;

namespace Quatrain.Training.Tests;

/// <summary>A tokenizer whose ids are the characters' codes.</summary>
internal sealed class CharacterCodes : ITokenizer
{
    public int VocabularySize => char.MaxValue + 1;

    public int[] Encode(ReadOnlySpan<char> text)
    {
        int[] ids = new int[text.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = text[i];
        }

        return ids;
    }

    public string Decode(ReadOnlySpan<int> ids) => string.Concat(ids.ToArray().Select(id => (char)id));

    public byte[] ToJson() => throw new NotSupportedException();
}
