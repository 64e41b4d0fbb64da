namespace Quatrain.Inference.Verification;

/// <summary>One thing that was checked about a model.</summary>
/// <param name="Group">What kind of thing: configuration, weights, logits, continuations, losses or training.</param>
/// <param name="Name">Which one.</param>
/// <param name="Passed">Whether it is as it should be.</param>
/// <param name="Detail">What was found, for a person.</param>
/// <param name="Error">How far a number is off, where it is one.</param>
/// <param name="Tolerance">How far it may be off.</param>
public sealed record VerificationCheck(string Group, string Name, bool Passed, string Detail, double? Error = null, double? Tolerance = null)
{
    // A NaN is within no tolerance.
    internal static VerificationCheck Within(string group, string name, double error, double tolerance, string detail) =>
        new(group, name, error <= tolerance, detail, error, tolerance);
}
