namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>Class logits as probabilities, in double precision.</summary>
/// <remarks>Logits are subtracted before they are divided: that is exact, so texts with equal differences get equal scores.</remarks>
public static class ClassProbabilities
{
    /// <summary>softmax(logits / temperature).</summary>
    public static double[] Softmax(ReadOnlySpan<float> logits, double temperature = 1)
    {
        double most = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            most = Math.Max(most, logit);
        }

        double[] probabilities = new double[logits.Length];
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            probabilities[i] = Math.Exp((logits[i] - most) / temperature);
            sum += probabilities[i];
        }

        for (int i = 0; i < logits.Length; i++)
        {
            probabilities[i] /= sum;
        }

        return probabilities;
    }

    /// <summary>-log softmax(logits / temperature)[label], in nats; finite however sure and wrong the logits are.</summary>
    public static double NegativeLogLikelihood(ReadOnlySpan<float> logits, int label, double temperature = 1) =>
        LogSumExpOver(label, logits, temperature, except: -1);

    /// <summary>
    /// log(p / (1 - p)) for the probability p of one class: it orders texts as p does, and tells them apart where p itself rounds to 0 or 1.
    /// Of two classes it is the difference of their logits over the temperature.
    /// </summary>
    public static double LogOdds(ReadOnlySpan<float> logits, int label, double temperature = 1) =>
        -LogSumExpOver(label, logits, temperature, except: label);

    /// <summary>The index of the largest value, the first of equals.</summary>
    internal static int ArgMax(ReadOnlySpan<double> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
        {
            best = values[i] > values[best] ? i : best;
        }

        return best;
    }

    // log of the sum over all classes but one of exp((logit - the label's logit) / temperature).
    private static double LogSumExpOver(int label, ReadOnlySpan<float> logits, double temperature, int except)
    {
        double most = double.NegativeInfinity;
        for (int i = 0; i < logits.Length; i++)
        {
            most = i == except ? most : Math.Max(most, (double)logits[i] - logits[label]);
        }

        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            sum += i == except ? 0 : Math.Exp(((double)logits[i] - logits[label] - most) / temperature);
        }

        return most / temperature + Math.Log(sum);
    }
}
