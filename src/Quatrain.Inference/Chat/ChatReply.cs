namespace Quatrain.Inference.Chat;

/// <summary>What came of asking for a reply.</summary>
/// <param name="Text">The reply, without what ended it.</param>
/// <param name="PromptTokens">The tokens of the prompt, as it was sent.</param>
/// <param name="CachedTokens">Those of the prompt's tokens that needed no reading, because the conversation, or the one before it, began with them.</param>
/// <param name="Tokens">The tokens of the reply: those of a stop text included, an end-of-text token not.</param>
/// <param name="FinishReason">Why it ended. Length also where the context was full.</param>
/// <param name="DroppedTurns">The oldest turns, user's and assistant's, that were not sent, for want of room or because the style has no history.</param>
/// <param name="TokensPerSecond">The reply's tokens by the time from when the prompt was taken up, its reading included.</param>
public sealed record ChatReply(string Text, int PromptTokens, int CachedTokens, int Tokens, FinishReason FinishReason, int DroppedTurns, double TokensPerSecond);
