using Quatrain.Training.Options;

namespace Quatrain.Training;

/// <summary>The learning rate of each update: a linear warm-up, then half a cosine down to a minimum, as nanoGPT's <c>get_lr</c>.</summary>
/// <param name="Peak">The learning rate at the end of the warm-up.</param>
/// <param name="Minimum">The learning rate from <paramref name="DecayIterations"/> on.</param>
/// <param name="WarmupIterations">Updates that warm up; 0 for none.</param>
/// <param name="DecayIterations">The update at which the minimum is reached.</param>
public sealed record LearningRateSchedule(double Peak, double Minimum, int WarmupIterations, int DecayIterations)
{
    /// <summary>The schedule that <paramref name="options"/> describe.</summary>
    public static LearningRateSchedule From(TrainingOptions options) => new(
        options.LearningRate,
        options.MinLearningRate,
        options.WarmupIterations,
        options.DecayIterations == 0 ? options.Iterations : options.DecayIterations);

    /// <summary>The learning rate of the update with this number, counted from 0.</summary>
    public double At(long iteration)
    {
        if (iteration < WarmupIterations)
        {
            return Peak * (iteration + 1) / (WarmupIterations + 1);
        }

        if (iteration >= DecayIterations)
        {
            return Minimum;
        }

        double progress = (double)(iteration - WarmupIterations) / (DecayIterations - WarmupIterations);
        return Minimum + 0.5 * (1 + Math.Cos(Math.PI * progress)) * (Peak - Minimum);
    }
}
