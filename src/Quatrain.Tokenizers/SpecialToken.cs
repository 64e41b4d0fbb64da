namespace Quatrain.Tokenizers;

/// <summary>A token that stands for no text but means something, such as the end of a document.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">How it is written, as in <c>&lt;|endoftext|&gt;</c>.</param>
public readonly record struct SpecialToken(int Id, string Text);
