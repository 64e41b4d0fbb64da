using System.Collections.Concurrent;
using Quatrain.Models;
using Quatrain.Models.Classification;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Classification;

/// <summary>Tells the class of a text, with a model that <c>quatrain finetune classify</c> made.</summary>
/// <remarks>
/// <para>Any number of threads may use it at the same time, until it is disposed. A text gets the same result to the last bit, however many are classified beside it.</para>
/// <para>A caller that is alone has all threads; others at the same time have one each.</para>
/// <code>
/// using TextClassifier classifier = TextClassifier.Load("runs/spam");
/// Classification result = classifier.Classify("WINNER!! Call 09061701461 to claim your prize");
/// Console.WriteLine($"{result.Label} {result.Probability:P1}");
/// </code>
/// </remarks>
public sealed class TextClassifier : IDisposable
{
    // Enough rows for the kernels' full speed.
    private const int TokensAtOnce = 2048;
    private const int MostAtOnce = 256;

    private readonly Gpt2Classifier _classifier;
    private readonly TextEncoder _encoder;
    private readonly Lane _wide;
    private readonly ConcurrentBag<Lane> _narrow = [];

    // The calls under way, and one until it is disposed. It has no handle that would need to be freed.
    private readonly CountdownEvent _users = new(1);
    private int _isDisposed;

    private TextClassifier(Gpt2Classifier classifier, ITokenizer tokenizer, ClassifierSettings settings, Lane wide)
    {
        (_classifier, Settings, _wide) = (classifier, settings, wide);
        _encoder = new TextEncoder(tokenizer, settings.Pooling, settings.MaxLength, settings.PadId);
    }

    /// <summary>The name of each class.</summary>
    public IReadOnlyList<string> Labels => Settings.Labels;

    /// <summary>What the classifier is.</summary>
    public ClassifierSettings Settings { get; }

    /// <summary>Loads the classifier in <paramref name="folder"/>. Its weights are mapped from the file, which must stay as it is.</summary>
    /// <exception cref="InvalidDataException">The folder holds no classifier, or a damaged one; the message says what is wrong.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static TextClassifier Load(string folder, TextClassifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new TextClassifierOptions();
        ClassifierSettings settings = WithThreshold(ClassifierSettings.Read(folder), folder, options.Threshold);
        ITokenizer tokenizer = ModelTokenizer.TryLoad(folder, options.BaseModel)
            ?? throw new InvalidDataException($"'{folder}' has no tokenizer, so it can't classify text; use the folder as quatrain finetune classify left it.");
        Lane wide = new(options.Threads);
        try
        {
            Gpt2Classifier classifier = Gpt2ClassifierCheckpoint.Map(folder, settings.Labels.Count, settings.Pooling, options.Weights, wide.Pool, tokenizer.VocabularySize, options.BaseModel);
            try
            {
                CheckFits(folder, classifier, tokenizer, settings);
                return new TextClassifier(classifier, tokenizer, settings, wide);
            }
            catch
            {
                classifier.Dispose();
                throw;
            }
        }
        catch
        {
            wide.Dispose();
            throw;
        }
    }

    /// <summary>The class of <paramref name="text"/>.</summary>
    /// <exception cref="InvalidDataException">The text holds something that the model's tokenizer has no token for.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    public Classification Classify(string text) => WhileUsed([text], where: null, default)[0];

    /// <summary>The class of each of <paramref name="texts"/>. Texts of like length go through the model together.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellation">Ends the work between two batches.</param>
    /// <exception cref="InvalidDataException">A text holds something that the model's tokenizer has no token for; the message has its number, from 1.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public IReadOnlyList<Classification> ClassifyAll(IReadOnlyList<string> texts, CancellationToken cancellation = default) =>
        WhileUsed(texts, texts is { Count: 1 } ? null : i => FormattableString.Invariant($"Text {i + 1} of {texts.Count}"), cancellation);

    /// <summary>As <see cref="ClassifyAll(IReadOnlyList{string}, CancellationToken)"/>, for texts that come from somewhere.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="where">What a message calls the text of an index, at the beginning of a sentence: "Line 7 of standard input".</param>
    /// <param name="cancellation">Ends the work between two batches.</param>
    /// <exception cref="InvalidDataException">A text holds something that the model's tokenizer has no token for; the message says where.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public IReadOnlyList<Classification> ClassifyAll(IReadOnlyList<string> texts, Func<int, string> where, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(where);
        return WhileUsed(texts, where, cancellation);
    }

    /// <summary>Waits for the calls under way to end and frees the model.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        _users.Signal();
        _users.Wait();
        _wide.Dispose();
        foreach (Lane lane in _narrow)
        {
            lane.Dispose();
        }

        _classifier.Dispose();
    }

    private Classification[] WhileUsed(IReadOnlyList<string> texts, Func<int, string>? where, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ObjectDisposedException.ThrowIf(_isDisposed != 0 || !_users.TryAddCount(), this);
        try
        {
            return Run(texts, where, cancellation);
        }
        finally
        {
            _users.Signal();
        }
    }

    private Classification[] Run(IReadOnlyList<string> texts, Func<int, string>? where, CancellationToken cancellation)
    {
        EncodedText[] encoded = [.. texts.Select((text, i) => where is null ? _encoder.Encode(text) : _encoder.Encode(text, () => where(i)))];
        float[][] logits = new float[encoded.Length][];
        bool isAlone = Monitor.TryEnter(_wide);
        Lane lane = isAlone ? _wide : _narrow.TryTake(out Lane? idle) ? idle : new Lane(threads: 1);
        try
        {
            foreach (int[] batch in Batches(encoded))
            {
                cancellation.ThrowIfCancellationRequested();
                Score(lane, encoded, batch, logits);
            }
        }
        finally
        {
            if (isAlone)
            {
                Monitor.Exit(_wide);
            }
            else
            {
                _narrow.Add(lane);
            }
        }

        return [.. encoded.Select((text, i) => Result(logits[i], text.IsTruncated))];
    }

    private static ClassifierSettings WithThreshold(ClassifierSettings settings, string folder, double? threshold)
    {
        if (threshold is not { } probability)
        {
            return settings;
        }

        if (probability is not (> 0 and < 1))
        {
            throw new InvalidDataException(FormattableString.Invariant($"The threshold is {probability}; it must be a probability above 0 and below 1."));
        }

        if (settings.Threshold is null && settings.Labels.Count > 2)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The classifier in '{folder}' tells {settings.Labels.Count} classes apart, and none of them has a threshold; leave it out, or make a classifier with quatrain finetune classify, --positive and --max-false-positive-rate."));
        }

        int positive = settings.Threshold?.Label ?? settings.PositiveClass ?? throw new InvalidDataException(
            $"The {ClassifierSettings.FileName} in '{folder}' does not say which class a threshold is for; add \"positive_label\" to it with one of the two labels, {string.Join(" or ", settings.Labels)}.");
        return settings with { Threshold = new ClassThreshold(positive, probability) };
    }

    private static void CheckFits(string folder, Gpt2Classifier classifier, ITokenizer tokenizer, ClassifierSettings settings)
    {
        if (settings.PadId >= classifier.Model.VocabularySize)
        {
            throw new InvalidDataException($"The classifier in '{folder}' pads with token {settings.PadId} and its model has only {classifier.Model.VocabularySize}; they are not of one run.");
        }

        if (tokenizer.VocabularySize > classifier.Model.VocabularySize)
        {
            throw new InvalidDataException($"The tokenizer in '{folder}' has {tokenizer.VocabularySize} tokens and the model {classifier.Model.VocabularySize}; they are not of one run.");
        }

        if (settings.MaxLength > classifier.Model.ContextLength)
        {
            throw new InvalidDataException($"The classifier in '{folder}' reads {settings.MaxLength} tokens and its model only {classifier.Model.ContextLength}; they are not of one run.");
        }
    }

    private static IEnumerable<int[]> Batches(EncodedText[] texts)
    {
        int[] order = [.. Enumerable.Range(0, texts.Length).OrderBy(i => texts[i].Ids.Length)];
        int start = 0;
        while (start < order.Length)
        {
            int count = 1;
            while (start + count < order.Length && count < MostAtOnce && (count + 1) * texts[order[start + count]].Ids.Length <= TokensAtOnce)
            {
                count++;
            }

            yield return order[start..(start + count)];
            start += count;
        }
    }

    private void Score(Lane lane, EncodedText[] texts, int[] batch, float[][] logits)
    {
        lane.Tape.Begin();
        PaddedBatch padded = new([.. batch.Select(i => texts[i].Ids)], Settings.PadId);
        ReadOnlySpan<float> scores = _classifier.Logits(lane.Tape, padded).Values;
        int classes = Labels.Count;
        for (int b = 0; b < batch.Length; b++)
        {
            logits[batch[b]] = scores.Slice(b * classes, classes).ToArray();
        }
    }

    private Classification Result(float[] logits, bool isTruncated)
    {
        double[] probabilities = Settings.Probabilities(logits);
        int label = Settings.Decide(probabilities);
        return new Classification(Labels[label], probabilities[label], probabilities, isTruncated);
    }

    /// <summary>What one call at a time works with.</summary>
    private sealed class Lane : IDisposable
    {
        public Lane(int threads)
        {
            Pool = new WorkerPool(threads);
            Tape = new Tape(Pool, recording: false);
        }

        public WorkerPool Pool { get; }

        public Tape Tape { get; }

        public void Dispose()
        {
            Tape.Dispose();
            Pool.Dispose();
        }
    }
}
