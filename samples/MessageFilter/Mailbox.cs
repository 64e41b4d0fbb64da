namespace MessageFilter;

/// <summary>Keeps the newest messages in memory; for use by several threads.</summary>
/// <param name="capacity">The most messages kept.</param>
internal sealed class Mailbox(int capacity)
{
    private readonly Queue<FilteredMessage> _messages = new();
    private readonly Lock _lock = new();

    public void Add(FilteredMessage message)
    {
        lock (_lock)
        {
            if (_messages.Count == capacity)
            {
                _messages.Dequeue();
            }

            _messages.Enqueue(message);
        }
    }

    /// <summary>The messages, the newest first.</summary>
    public FilteredMessage[] Newest()
    {
        lock (_lock)
        {
            return [.. _messages.Reverse()];
        }
    }
}
