namespace Quatrain.Tensors.Verification;

/// <summary>How a gradient check measures.</summary>
public sealed record GradientCheckOptions
{
    /// <summary>The step of the differences, relative to the root mean square of the tensor. Near the best for four points of float32 arithmetic.</summary>
    public double RelativeStep { get; init; } = 1.0 / 32;

    /// <summary>The elements that are checked of one tensor: all where there are no more, otherwise a sample that follows from <see cref="Seed"/>.</summary>
    public int MaxElementsPerTensor { get; init; } = 64;

    /// <summary>
    /// The smallest gradient that errors are taken relative to, as a share of the tensor's largest: below it a gradient is a sum that cancels, and
    /// its relative error says nothing.
    /// </summary>
    public double FloorShare { get; init; } = 0.1;

    /// <summary>Leaves out elements that the differences would move across zero: for parameters that go straight into a ReLU, whose slope jumps there.</summary>
    public bool SkipAcrossZero { get; init; }

    /// <summary>Decides the sample, the weights of the outputs and the dropout masks.</summary>
    public ulong Seed { get; init; } = 1;
}
