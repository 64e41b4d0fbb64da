using System.Globalization;

namespace Quatrain.Training.Plots;

/// <summary>Maps the values of one axis to pixels and chooses round numbers for its ticks.</summary>
internal sealed class PlotAxis
{
    private readonly double _minimum, _maximum, _pixelAtMinimum, _pixelAtMaximum;

    /// <summary>An axis over [minimum, maximum], widened to whole ticks below, and above if <paramref name="widenAbove"/>.</summary>
    public PlotAxis(
        double minimum, double maximum, double pixelAtMinimum, double pixelAtMaximum, int wantedTicks, double smallestTickStep, bool widenAbove)
    {
        double tickStep = Math.Max(smallestTickStep, RoundStep((maximum - minimum) / wantedTicks));
        _minimum = Math.Floor(minimum / tickStep) * tickStep;
        _maximum = widenAbove ? Math.Ceiling(maximum / tickStep) * tickStep : maximum;
        _maximum = _maximum > _minimum ? _maximum : _minimum + tickStep;
        _pixelAtMinimum = pixelAtMinimum;
        _pixelAtMaximum = pixelAtMaximum;
        Ticks = RoundTicks(_minimum, _maximum, tickStep);
    }

    /// <summary>An axis over just [minimum, maximum] with the ticks given.</summary>
    public PlotAxis(
        double minimum, double maximum, double pixelAtMinimum, double pixelAtMaximum, IReadOnlyList<(double Value, string Label)> ticks)
    {
        _minimum = minimum;
        _maximum = maximum;
        _pixelAtMinimum = pixelAtMinimum;
        _pixelAtMaximum = pixelAtMaximum;
        Ticks = ticks;
    }

    /// <summary>The values with a tick, each with its label.</summary>
    public IReadOnlyList<(double Value, string Label)> Ticks { get; }

    /// <summary>Where a value lies, in pixels.</summary>
    public double Pixel(double value) =>
        _pixelAtMinimum + (value - _minimum) / (_maximum - _minimum) * (_pixelAtMaximum - _pixelAtMinimum);

    private static (double Value, string Label)[] RoundTicks(double minimum, double maximum, double tickStep)
    {
        int decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(tickStep) - 1e-9), 0, 12);
        // Steps of 2.5 need one decimal more than their size says.
        decimals += Math.Round(tickStep, decimals) == tickStep ? 0 : 1;
        string format = "N" + decimals.ToString(CultureInfo.InvariantCulture);
        int count = (int)Math.Floor((maximum - minimum) / tickStep + 1e-9);
        return
        [
            .. Enumerable.Range(0, count + 1)
                .Select(i => minimum + i * tickStep)
                .Select(value => (value, value.ToString(format, CultureInfo.InvariantCulture))),
        ];
    }

    // The least of 1, 2, 2.5 and 5 times a power of ten that is not below the step.
    private static double RoundStep(double step)
    {
        if (!(step > 0))
        {
            return 0;
        }

        double power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        foreach (double factor in (ReadOnlySpan<double>)[1, 2, 2.5, 5])
        {
            if (factor * power >= step * (1 - 1e-9))
            {
                return factor * power;
            }
        }

        return 10 * power;
    }
}
