using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Verification;

/// <summary>
/// Compares the gradients of a backward pass with differences of the forward pass: g = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h,
/// whose error falls with the fourth power of h.
/// </summary>
/// <remarks>
/// f is the output where that is a scalar, otherwise the sum of its elements times fixed random weights, added up in double precision: what rounding
/// to float32 leaves of a small difference is then about the square root of the element count, in units of one rounding. Returning many outputs
/// rather than one loss makes a check sharper.
/// </remarks>
public static unsafe class GradientCheck
{
    /// <summary>Checks all parameters of <paramref name="parameters"/> that want a gradient. Their values are the same afterwards.</summary>
    /// <param name="parameters">The store, with its values; gradients are allocated where they are not yet.</param>
    /// <param name="forward">Computes the output from the parameters on the tape it is given, the same function at each call; the tape records.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="options">How to measure; null for the defaults.</param>
    /// <returns>One error for each parameter, in the store's order.</returns>
    /// <exception cref="InvalidOperationException">The output does not depend on a parameter that wants a gradient.</exception>
    public static IReadOnlyList<TensorGradientError> Run(
        ParameterStore parameters, Func<Tape, Tensor> forward, WorkerPool pool, GradientCheckOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(forward);
        options ??= new GradientCheckOptions();
        using Tape tape = new(pool, recording: true);
        Parameter[] wanted = [.. parameters.Parameters.Where(parameter => parameter.Tensor.RequiresGradient)];
        float[] weights = GoBack(parameters, forward, tape, options.Seed);
        // Copied, because measuring runs the forward pass again.
        float[][] gradients = [.. wanted.Select(p => p.Tensor.GradientWritten ? p.Tensor.Gradient.ToArray() : new float[p.Tensor.Shape.ElementCount])];
        TensorGradientError[] errors = new TensorGradientError[wanted.Length];
        for (int i = 0; i < wanted.Length; i++)
        {
            errors[i] = Compare(wanted[i], gradients[i], () => Evaluate(forward, tape, weights, options.Seed), options);
        }

        return errors;
    }

    /// <summary>One forward and backward pass; returns the outputs' weights.</summary>
    private static float[] GoBack(ParameterStore parameters, Func<Tape, Tensor> forward, Tape tape, ulong seed)
    {
        parameters.AllocateGradients();
        parameters.ForgetGradients();
        tape.Begin(seed);
        Tensor output = forward(tape);
        float[] weights = Weights(output.Shape.ElementCount, seed);
        tape.Backward(weights.Length == 1 ? output : WeightedSumOp.Forward(tape, output, weights));
        return weights;
    }

    private static float[] Weights(int count, ulong seed)
    {
        float[] weights = [1];
        if (count != 1)
        {
            RandomSource random = new(seed, 0);
            weights = new float[count];
            for (int i = 0; i < count; i++)
            {
                weights[i] = (float)random.NextNormal();
            }
        }

        return weights;
    }

    private static double Evaluate(Func<Tape, Tensor> forward, Tape tape, float[] weights, ulong seed)
    {
        tape.Begin(seed);
        Tensor output = forward(tape);
        fixed (float* w = weights)
        {
            return WeightedSumKernel.Forward(output.Data, w, weights.Length);
        }
    }

    private static TensorGradientError Compare(Parameter parameter, float[] analytic, Func<double> evaluate, GradientCheckOptions options)
    {
        Tensor tensor = parameter.Tensor;
        int[] sample = Sample(tensor.Shape.ElementCount, options);
        double step = Step(tensor.Values, options.RelativeStep);
        List<(int Index, double Numeric)> measured = [];
        foreach (int index in sample)
        {
            float value = tensor.Values[index];
            if (!options.SkipAcrossZero || Math.Abs(value) > 2 * step)
            {
                measured.Add((index, Measure(tensor, index, step, evaluate)));
            }
        }

        double largest = measured.Select(m => Math.Max(Math.Abs(m.Numeric), Math.Abs(analytic[m.Index]))).DefaultIfEmpty().Max();
        TensorGradientError worst = new(parameter.Name, measured.Count, sample.Length - measured.Count, 0, 0, 0, 0);
        foreach ((int index, double numeric) in measured)
        {
            double scale = Math.Max(Math.Max(Math.Abs(analytic[index]), Math.Abs(numeric)), options.FloorShare * largest);
            double error = scale == 0 ? 0 : Math.Abs(analytic[index] - numeric) / scale;
            // Written so that NaN counts as the worst there is.
            if (!(error <= worst.MaxRelativeError))
            {
                worst = worst with
                {
                    MaxRelativeError = double.IsNaN(error) ? double.PositiveInfinity : error,
                    WorstIndex = index,
                    Analytic = analytic[index],
                    Numeric = numeric,
                };
            }
        }

        return worst;
    }

    private static double Measure(Tensor tensor, int index, double step, Func<double> evaluate)
    {
        float value = tensor.Values[index];
        double near = At(step) - At(-step);
        double far = At(2 * step) - At(-2 * step);
        tensor.Values[index] = value;
        return (8 * near - far) / (12 * step);

        double At(double shift)
        {
            tensor.Values[index] = (float)(value + shift);
            return evaluate();
        }
    }

    /// <summary>A power of two, so that adding it to an element rounds as little as can be.</summary>
    private static double Step(ReadOnlySpan<float> values, double relativeStep)
    {
        double squares = 0;
        foreach (float value in values)
        {
            squares += (double)value * value;
        }

        double scale = squares == 0 ? 1 : Math.Sqrt(squares / values.Length);
        return Math.Pow(2, Math.Round(Math.Log2(relativeStep * scale)));
    }

    private static int[] Sample(int count, GradientCheckOptions options)
    {
        int[] indices = [.. Enumerable.Range(0, count)];
        int wanted = Math.Min(count, options.MaxElementsPerTensor);
        RandomSource random = new(options.Seed, 1);
        for (int i = 0; i < wanted && wanted < count; i++)
        {
            int other = i + random.NextInt32(count - i);
            (indices[i], indices[other]) = (indices[other], indices[i]);
        }

        return indices[..wanted];
    }
}
