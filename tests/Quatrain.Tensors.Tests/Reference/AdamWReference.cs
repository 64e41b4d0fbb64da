namespace Quatrain.Tensors.Tests.Reference;

/// <summary>AdamW with the constants as the paper has them, in double precision.</summary>
internal sealed record AdamWReference(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, double ClipScale)
{
    /// <summary>The weight and the two moments after step <paramref name="step"/>, counted from 1.</summary>
    public (double Weight, double First, double Second) Update(double weight, double gradient, double first, double second, long step)
    {
        double g = gradient * ClipScale;
        first = Beta1 * first + (1 - Beta1) * g;
        second = Beta2 * second + (1 - Beta2) * g * g;
        double corrected = second / (1 - Math.Pow(Beta2, step));
        weight -= LearningRate * WeightDecay * weight;
        weight -= LearningRate * first / (1 - Math.Pow(Beta1, step)) / (Math.Sqrt(corrected) + Epsilon);
        return (weight, first, second);
    }
}
