namespace Quatrain.Models.Hub;

/// <summary>A request failed in a way that may pass; the message is a part of a sentence.</summary>
internal sealed class TransientException(string reason, TimeSpan? retryAfter = null, Exception? inner = null) : IOException(reason, inner)
{
    /// <summary>How long the server asked to wait.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
