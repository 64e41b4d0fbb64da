namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>What a classifier has to beat: logistic regression on n-grams of characters, trained in seconds.</summary>
/// <remarks>
/// Multinomial, L2-regularised logistic regression on TF-IDF-weighted n-grams of 2 to 5 characters within words, trained by L-BFGS until the gradient is gone; how strongly it is
/// regularised is chosen on the validation texts. Nothing is drawn at random: the same texts give the same model. Memory has bounds: texts are read up to
/// <see cref="MaxTextCharacters"/>, and of very many training texts every so manyth is used (<see cref="TrainingTexts"/>).
/// </remarks>
public sealed class NgramLogisticRegression
{
    /// <summary>How much of a text is read, in characters.</summary>
    public const int MaxTextCharacters = 4000;

    private const int MaxTrainingCharacters = 20_000_000;
    private const int MaxWeights = 4_000_000;
    private const double Tolerance = 1e-8;
    private const int MaxIterations = 2000;

    // scikit-learn's C: the larger, the less the weights are held back.
    private static readonly double[] Strengths = [1, 10, 100, 1000, 10_000];

    private readonly TfIdfFeatures _features;
    private readonly double[] _weights;
    private readonly int _classCount;

    private NgramLogisticRegression(TfIdfFeatures features, double[] weights, int classCount)
    {
        _features = features;
        _weights = weights;
        _classCount = classCount;
    }

    /// <summary>How many training texts were used.</summary>
    public int TrainingTexts { get; private init; }

    /// <summary>How many n-grams the model knows.</summary>
    public int FeatureCount => _features.Count;

    /// <summary>The chosen inverse strength of the regularisation, scikit-learn's C.</summary>
    public double C { get; private init; }

    /// <summary>How many steps the chosen model's training took.</summary>
    public int Iterations { get; private init; }

    /// <summary>The largest component of the loss's gradient at the end of training; about zero at the optimum.</summary>
    public double GradientSize { get; private init; }

    /// <summary>Trains on <paramref name="training"/>; it is regularised less and less as long as the loss on <paramref name="validation"/> falls.</summary>
    /// <param name="training">Texts with the numbers of their classes.</param>
    /// <param name="validation">Texts with the numbers of their classes; without any, C is 10.</param>
    /// <param name="classCount">How many classes there are, 2 or more.</param>
    /// <param name="cancellation">Ends the training early.</param>
    /// <exception cref="ArgumentException">There is nothing to train on, or a class's number is out of range.</exception>
    /// <exception cref="OperationCanceledException">The training was ended early.</exception>
    public static NgramLogisticRegression Train(
        IReadOnlyList<(string Text, int Label)> training, IReadOnlyList<(string Text, int Label)> validation, int classCount, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(validation);
        ArgumentOutOfRangeException.ThrowIfZero(training.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        if (training.Concat(validation).Any(example => example.Label < 0 || example.Label >= classCount))
        {
            throw new ArgumentException("A class's number is out of range.", nameof(training));
        }

        (string Text, int Label)[] used = [.. Thinned(training, MaxTrainingCharacters)];
        TfIdfFeatures features = new([.. used.Select(example => example.Text)], MaxWeights / classCount);
        SparseRows rows = features.Rows(used.Select(example => example.Text));
        SparseRows validationRows = features.Rows(validation.Select(example => example.Text));
        int[] validationLabels = [.. validation.Select(example => example.Label)];
        SoftmaxRegressionLoss loss = new(rows, [.. used.Select(example => example.Label)], features.Count, classCount);

        NgramLogisticRegression? best = null;
        double bestLoss = double.PositiveInfinity;
        double[] weights = new double[loss.ParameterCount];
        foreach (double c in validation.Count > 0 ? Strengths : [10])
        {
            LimitedMemoryBfgs search = new();
            search.Minimize((point, gradient) => loss.Evaluate(point, gradient, c), weights, Tolerance, MaxIterations, cancellation);
            double validationLoss = MeanLoss(validationRows, validationLabels, weights, classCount);
            if (validationLoss >= bestLoss)
            {
                break;
            }

            bestLoss = validationLoss;
            best = new NgramLogisticRegression(features, [.. weights], classCount)
            {
                TrainingTexts = used.Length,
                C = c,
                Iterations = search.Iterations,
                GradientSize = search.GradientSize,
            };
        }

        return best!;
    }

    /// <summary>How well <paramref name="text"/> fits each class: the unnormalised logarithms of the classes' probabilities; [K].</summary>
    public double[] Logits(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        double[] logits = new double[_classCount];
        SoftmaxRegressionLoss.Logits(_features.Rows([text]), 0, _weights, logits);
        return logits;
    }

    /// <summary>Every so manyth of the texts, so that at most about so many characters are read.</summary>
    internal static IEnumerable<(string Text, int Label)> Thinned(IReadOnlyList<(string Text, int Label)> training, int maxCharacters)
    {
        long characters = training.Sum(example => (long)Math.Min(example.Text.Length, MaxTextCharacters));
        long interval = Math.Max(1, (characters + maxCharacters - 1) / maxCharacters);
        return training.Where((_, i) => i % interval == 0);
    }

    private static double MeanLoss(SparseRows rows, int[] labels, double[] weights, int classCount)
    {
        double[] logits = new double[classCount];
        double sum = 0;
        for (int row = 0; row < rows.RowCount; row++)
        {
            SoftmaxRegressionLoss.Logits(rows, row, weights, logits);
            sum -= SoftmaxRegressionLoss.LogSoftmax(logits, labels[row]);
        }

        return rows.RowCount == 0 ? 0 : sum / rows.RowCount;
    }
}
