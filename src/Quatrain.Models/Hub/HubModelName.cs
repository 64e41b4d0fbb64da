using System.Diagnostics.CodeAnalysis;

namespace Quatrain.Models.Hub;

/// <summary>The name of a model on the hub, and of one of its revisions.</summary>
public sealed record HubModelName
{
    /// <summary>The revision that a name means which names none.</summary>
    public const string DefaultRevision = "main";

    private const int LongestPart = 96;
    private const int LongestRevision = 250;

    private static readonly Dictionary<string, string> Owners = new(StringComparer.Ordinal)
    {
        ["gpt2"] = "openai-community",
        ["gpt2-medium"] = "openai-community",
        ["gpt2-large"] = "openai-community",
        ["gpt2-xl"] = "openai-community",
        ["distilgpt2"] = "distilbert",
    };

    private HubModelName(string repository, string revision, string text) => (Repository, Revision, Text) = (repository, revision, text);

    /// <summary>The names that need no owner.</summary>
    public static IReadOnlyCollection<string> ShortNames => Owners.Keys;

    /// <summary>OWNER/NAME.</summary>
    public string Repository { get; }

    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; }

    /// <summary>The name as the user wrote it, without a revision.</summary>
    public string Text { get; }

    /// <summary>Reads <c>gpt2</c> or another of <see cref="ShortNames"/>, or <c>OWNER/NAME</c>, either with <c>@REVISION</c> behind it.</summary>
    /// <returns>Whether <paramref name="text"/> is such a name.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out HubModelName? name)
    {
        ArgumentNullException.ThrowIfNull(text);
        name = null;
        int at = text.IndexOf('@', StringComparison.Ordinal);
        (string model, string revision) = at < 0 ? (text, DefaultRevision) : (text[..at], text[(at + 1)..]);
        if (!IsRevision(revision))
        {
            return false;
        }

        if (Owners.TryGetValue(model, out string? owner))
        {
            name = new HubModelName($"{owner}/{model}", revision, model);
            return true;
        }

        string[] parts = model.Split('/', 3);
        if (parts.Length != 2 || !IsPart(parts[0]) || !IsPart(parts[1]))
        {
            return false;
        }

        name = new HubModelName(model, revision, model);
        return true;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="InvalidDataException">It is no such name.</exception>
    public static HubModelName Parse(string text) => TryParse(text, out HubModelName? name) ? name : throw new InvalidDataException(
        $"'{text}' is no model of the hub; "
        + (Suggestion.Nearest(text, ShortNames, mostEdits: 2) is { } nearest ? $"did you mean '{nearest}'?" : $"name it OWNER/NAME, or one of {string.Join(", ", ShortNames)}."));

    /// <summary>Another revision of the model.</summary>
    /// <exception cref="InvalidDataException">It can't be the name of one.</exception>
    public HubModelName At(string revision)
    {
        ArgumentNullException.ThrowIfNull(revision);
        return IsRevision(revision) ? new HubModelName(Repository, revision, Text)
            : throw new InvalidDataException($"'{revision}' can't be a revision; name a branch, a tag or a commit of the model.");
    }

    /// <summary>The name as the user wrote it, with the revision where it is not the usual one.</summary>
    public override string ToString() => Revision == DefaultRevision ? Text : $"{Text}@{Revision}";

    // The hub's rules: letters, digits, '-', '_' and '.'; no "--" or "..", and neither '-' nor '.' at an end.
    private static bool IsPart(string part) =>
        part.Length is > 0 and <= LongestPart
        && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        && part[0] is not ('-' or '.') && part[^1] is not ('-' or '.')
        && !part.Contains("--", StringComparison.Ordinal) && !part.Contains("..", StringComparison.Ordinal)
        && !part.EndsWith(".git", StringComparison.OrdinalIgnoreCase);

    // Those of git, as far as a name of a file in refs is safe: refs/pr/1 is one.
    private static bool IsRevision(string revision) =>
        revision.Length is > 0 and <= LongestRevision && revision.Split('/').All(HubFileName.IsSafeSegment);
}
