namespace Quatrain.Tokenizers;

/// <summary>What becomes of a special token's text, such as <c>&lt;|endoftext|&gt;</c>, where it stands in a text that is encoded.</summary>
/// <remarks>Text from users must not be able to end a document: unless told otherwise, what looks like a special token is text like any other.</remarks>
public sealed class SpecialTokenPolicy
{
    private SpecialTokenPolicy(bool allowsAll, bool refusesOthers, IReadOnlyCollection<string> allowed) =>
        (AllowsAll, RefusesOthers, Allowed) = (allowsAll, refusesOthers, allowed);

    /// <summary>Special tokens are encoded as the plain text that they look like. What is done where nothing else is asked for.</summary>
    public static SpecialTokenPolicy PlainText { get; } = new(allowsAll: false, refusesOthers: false, []);

    /// <summary>Each special token becomes its one id.</summary>
    public static SpecialTokenPolicy AllowAll { get; } = new(allowsAll: true, refusesOthers: false, []);

    /// <summary>Text with a special token in it is refused.</summary>
    public static SpecialTokenPolicy RefuseAll { get; } = new(allowsAll: false, refusesOthers: true, []);

    internal bool AllowsAll { get; }

    internal bool RefusesOthers { get; }

    internal IReadOnlyCollection<string> Allowed { get; }

    /// <summary>The tokens in <paramref name="allowed"/> become their one id.</summary>
    /// <param name="allowed">Special tokens, as they are written.</param>
    /// <param name="refuseOthers">Whether text with another special token is refused; if not, that is encoded as plain text.</param>
    public static SpecialTokenPolicy Allow(IEnumerable<string> allowed, bool refuseOthers = false) => new(allowsAll: false, refuseOthers, [.. allowed]);
}
