namespace Quatrain.Models.Classification;

/// <summary>Which of a text's token vectors a classifier judges it by.</summary>
public enum Pooling
{
    /// <summary>That of the last token of the text, which alone has seen all of it.</summary>
    LastToken,

    /// <summary>That of the last position of a fixed length to which every text is padded, as in Raschka's book: the padding is read as if it were text.</summary>
    LastPosition,

    /// <summary>The mean over all tokens of the text.</summary>
    Mean,
}
