using Quatrain.Inference.Classification;

namespace MessageFilter;

/// <summary>Puts each message into the inbox or, where the classifier says so, into the quarantine.</summary>
internal sealed class SpamFilter
{
    private readonly TextClassifier _classifier;
    private readonly FilterOptions _options;
    private readonly TimeProvider _time;
    private long _lastId;

    /// <exception cref="InvalidDataException">The classifier knows no such class as is to be put aside.</exception>
    public SpamFilter(TextClassifier classifier, FilterOptions options, TimeProvider time)
    {
        if (!classifier.Labels.Contains(options.QuarantineLabel))
        {
            throw new InvalidDataException(
                $"The classifier in '{options.ClassifierPath}' knows {string.Join(", ", classifier.Labels.Take(10))} and no class '{options.QuarantineLabel}'; "
                + "name the one to be put aside, with --Filter:QuarantineLabel LABEL.");
        }

        (_classifier, _options, _time) = (classifier, options, time);
        Inbox = new Mailbox(options.MaxKept);
        Quarantine = new Mailbox(options.MaxKept);
    }

    public Mailbox Inbox { get; }

    public Mailbox Quarantine { get; }

    public FilteredMessage Filter(string from, string text)
    {
        Classification result = _classifier.Classify(text);
        bool isQuarantined = result.Label == _options.QuarantineLabel;
        FilteredMessage message = new(
            Interlocked.Increment(ref _lastId), _time.GetUtcNow(), from, text, result.Label, result.Probability, result.IsTruncated, isQuarantined);
        (isQuarantined ? Quarantine : Inbox).Add(message);
        return message;
    }
}
