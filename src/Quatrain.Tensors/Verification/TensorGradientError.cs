namespace Quatrain.Tensors.Verification;

/// <summary>How far a parameter's analytic gradient is from the measured one.</summary>
/// <param name="Name">The parameter's name.</param>
/// <param name="Elements">The elements that were checked.</param>
/// <param name="Skipped">The elements of the sample that were left out because the function has a kink there.</param>
/// <param name="MaxRelativeError">The largest |analytic - numeric| / max(|analytic|, |numeric|, floor).</param>
/// <param name="WorstIndex">The element it was found at; 0 where no element was checked.</param>
/// <param name="Analytic">The gradient from the backward pass there.</param>
/// <param name="Numeric">The gradient from differences there.</param>
public sealed record TensorGradientError(
    string Name, int Elements, int Skipped, double MaxRelativeError, int WorstIndex, double Analytic, double Numeric);
