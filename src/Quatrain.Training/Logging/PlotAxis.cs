using System.Globalization;

namespace Quatrain.Training.Logging;

/// <summary>Maps the values of one axis to pixels and chooses round numbers for its ticks.</summary>
internal sealed class PlotAxis
{
    private readonly double _minimum, _maximum, _pixelAtMinimum, _pixelAtMaximum, _tickStep;

    /// <summary>An axis over [minimum, maximum], widened to whole ticks below, and above if <paramref name="widenAbove"/>.</summary>
    public PlotAxis(
        double minimum, double maximum, double pixelAtMinimum, double pixelAtMaximum, int wantedTicks, double smallestTickStep, bool widenAbove)
    {
        _tickStep = Math.Max(smallestTickStep, RoundStep((maximum - minimum) / wantedTicks));
        _minimum = Math.Floor(minimum / _tickStep) * _tickStep;
        _maximum = widenAbove ? Math.Ceiling(maximum / _tickStep) * _tickStep : maximum;
        _maximum = _maximum > _minimum ? _maximum : _minimum + _tickStep;
        _pixelAtMinimum = pixelAtMinimum;
        _pixelAtMaximum = pixelAtMaximum;
    }

    /// <summary>The values with a tick, each with its label.</summary>
    public IEnumerable<(double Value, string Label)> Ticks
    {
        get
        {
            int decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(_tickStep) - 1e-9), 0, 12);
            // Steps of 2.5 need one decimal more than their size says.
            decimals += Math.Round(_tickStep, decimals) == _tickStep ? 0 : 1;
            string format = "N" + decimals.ToString(CultureInfo.InvariantCulture);
            int count = (int)Math.Floor((_maximum - _minimum) / _tickStep + 1e-9);
            for (int i = 0; i <= count; i++)
            {
                double value = _minimum + i * _tickStep;
                yield return (value, value.ToString(format, CultureInfo.InvariantCulture));
            }
        }
    }

    /// <summary>Where a value lies, in pixels.</summary>
    public double Pixel(double value) =>
        _pixelAtMinimum + (value - _minimum) / (_maximum - _minimum) * (_pixelAtMaximum - _pixelAtMinimum);

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
