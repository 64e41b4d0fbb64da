namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>Finds the least value of a smooth convex function: limited-memory BFGS with a backtracking line search.</summary>
/// <remarks>Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5. On one thread and without chance: the same bits every time.</remarks>
internal sealed class LimitedMemoryBfgs
{
    private const int Memory = 6;
    private const double SufficientDecrease = 1e-4;
    private const int MostHalvings = 40;

    private readonly Queue<(double[] Step, double[] Change, double Product)> _pairs = new();

    /// <summary>The value and, into the second argument, the gradient at the first.</summary>
    public delegate double Function(ReadOnlySpan<double> point, Span<double> gradient);

    /// <summary>How many steps the search took.</summary>
    public int Iterations { get; private set; }

    /// <summary>The largest component of the gradient where the search ended.</summary>
    public double GradientSize { get; private set; }

    /// <summary>
    /// Moves <paramref name="point"/> to the minimum: until no component of the gradient is larger than <paramref name="tolerance"/>, or no step gets lower in
    /// double precision.
    /// </summary>
    public void Minimize(Function function, double[] point, double tolerance, int maxIterations, CancellationToken cancellation)
    {
        double[] gradient = new double[point.Length];
        double[] next = new double[point.Length];
        double[] nextGradient = new double[point.Length];
        double value = function(point, gradient);
        for (Iterations = 0; Iterations < maxIterations && Largest(gradient) > tolerance; Iterations++)
        {
            cancellation.ThrowIfCancellationRequested();
            double[] direction = Direction(gradient);
            double slope = Dot(direction, gradient);
            // The first step has no curvature to go by, so it is kept short.
            double length = _pairs.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(-slope)) : 1;
            double nextValue = double.PositiveInfinity;
            for (int halving = 0; halving < MostHalvings; halving++, length /= 2)
            {
                AddScaled(point, length, direction, next);
                nextValue = function(next, nextGradient);
                if (nextValue <= value + SufficientDecrease * length * slope)
                {
                    break;
                }
            }

            if (!(nextValue < value))
            {
                break;
            }

            Remember(point, next, gradient, nextGradient);
            next.CopyTo(point, 0);
            (gradient, nextGradient) = (nextGradient, gradient);
            value = nextValue;
        }

        GradientSize = Largest(gradient);
    }

    private static double Largest(double[] gradient) => gradient.Max(Math.Abs);

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    // result = start + factor times step; the result may be one of the others.
    private static void AddScaled(double[] start, double factor, double[] step, double[] result)
    {
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = start[i] + factor * step[i];
        }
    }

    // Minus the gradient times an approximation of the inverse Hessian (algorithm 7.4).
    private double[] Direction(double[] gradient)
    {
        (double[] Step, double[] Change, double Product)[] pairs = [.. _pairs];
        double[] factors = new double[pairs.Length];
        double[] direction = [.. gradient.Select(slope => -slope)];
        for (int i = pairs.Length - 1; i >= 0; i--)
        {
            factors[i] = Dot(pairs[i].Step, direction) / pairs[i].Product;
            AddScaled(direction, -factors[i], pairs[i].Change, direction);
        }

        if (pairs is [.., var (_, change, product)])
        {
            double scale = product / Dot(change, change);
            for (int i = 0; i < direction.Length; i++)
            {
                direction[i] *= scale;
            }
        }

        for (int i = 0; i < pairs.Length; i++)
        {
            double factor = factors[i] - Dot(pairs[i].Change, direction) / pairs[i].Product;
            AddScaled(direction, factor, pairs[i].Step, direction);
        }

        return direction;
    }

    private void Remember(double[] point, double[] next, double[] gradient, double[] nextGradient)
    {
        (double[] step, double[] change) = _pairs.Count == Memory
            ? (_pairs.Peek().Step, _pairs.Dequeue().Change)
            : (new double[point.Length], new double[point.Length]);
        AddScaled(next, -1, point, step);
        AddScaled(nextGradient, -1, gradient, change);
        double product = Dot(step, change);
        // Rounding can hide the curvature at the very end; such a pair would point the wrong way.
        if (product > 0)
        {
            _pairs.Enqueue((step, change, product));
        }
    }
}
