namespace Quatrain.Tensors.Verification;

/// <summary>What the check of one op found.</summary>
/// <param name="Name">The case's name.</param>
/// <param name="Elements">The gradient elements that were checked, of all operands together.</param>
/// <param name="MaxRelativeError">The largest relative error of any of them.</param>
/// <param name="Tolerance">The largest that passes.</param>
public sealed record GradientCheckResult(string Name, int Elements, double MaxRelativeError, double Tolerance)
{
    /// <summary>Whether something was checked and all of it lies within the tolerance.</summary>
    public bool Passed => Elements > 0 && MaxRelativeError <= Tolerance;
}
