using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Data;

namespace Quatrain.Training;

/// <summary>A model's loss on a text.</summary>
/// <param name="Loss">The mean of -log p(token), in nats a token.</param>
/// <param name="Tokens">The number of tokens scored.</param>
public sealed record EvaluationResult(double Loss, long Tokens)
{
    /// <summary>e^loss: among how many equally likely tokens the model seems to choose.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>The loss in bits for each byte of the text's UTF-8.</summary>
    /// <param name="bytes">The bytes of the tokens scored.</param>
    public double BitsPerByte(long bytes) => Loss * Tokens / Math.Log(2) / bytes;
}

/// <summary>Scores texts with a model. It keeps its memory, so that evaluating again allocates nothing.</summary>
public sealed class Evaluator : IDisposable
{
    // Large enough to fill the matrix products.
    private const int TokensPerBatch = 2048;

    // 64 MiB, the larger part of an evaluation's memory where the vocabulary is large.
    private const int LogitsPerBatch = 1 << 24;

    private readonly ILanguageModel _model;
    private readonly Tape _tape;
    private int[] _inputs = [];
    private int[] _targets = [];

    /// <summary>An evaluator of <paramref name="model"/>, which it does not own.</summary>
    public Evaluator(ILanguageModel model, WorkerPool pool)
    {
        _model = model;
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>The bytes that the activations of the last batch took.</summary>
    public long ActivationBytes => _tape.BytesUsed;

    /// <summary>The mean loss over all targets that <paramref name="windows"/> score.</summary>
    /// <exception cref="InvalidDataException">The windows score nothing, or are longer than the model's context.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public EvaluationResult Evaluate(EvaluationWindows windows, CancellationToken cancellation = default) => Evaluate(windows, progress: null, cancellation);

    /// <summary>The mean loss over all targets that <paramref name="windows"/> score.</summary>
    /// <param name="windows">The windows; they are scored in their order.</param>
    /// <param name="progress">Gets the result over the windows scored so far, after every batch of them; null where nobody asks.</param>
    /// <param name="cancellation">Ends the evaluation between two batches.</param>
    /// <exception cref="InvalidDataException">The windows score nothing, or are longer than the model's context.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; the last result that <paramref name="progress"/> got stays true.</exception>
    public EvaluationResult Evaluate(EvaluationWindows windows, Action<EvaluationResult>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(windows);
        if (windows.TargetCount == 0)
        {
            throw new InvalidDataException("There is nothing to evaluate: the text needs at least two tokens.");
        }

        if (windows.ContextLength > _model.ContextLength)
        {
            throw new InvalidDataException(
                $"The evaluation windows have {windows.ContextLength} tokens, and the model looks at {_model.ContextLength} at most; make them shorter.");
        }

        int batchSize = Math.Min(BatchSize(_model.VocabularySize, windows.ContextLength), windows.Windows.Count);
        int size = batchSize * windows.ContextLength;
        if (_inputs.Length != size)
        {
            _inputs = new int[size];
            _targets = new int[size];
        }

        double sum = 0;
        long done = 0;
        for (int first = 0; first < windows.Windows.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            int scored = windows.FillBatch(first, batchSize, _inputs, _targets);
            _tape.Begin();
            Tensor logits = _model.Forward(_tape, _inputs, batchSize);
            sum += (double)CrossEntropyOp.Forward(_tape, logits, _targets).Values[0] * scored;
            done += scored;
            progress?.Invoke(new EvaluationResult(sum / Math.Max(1, done), done));
        }

        return new EvaluationResult(sum / windows.TargetCount, windows.TargetCount);
    }

    /// <summary>The most windows that go through a model at once.</summary>
    internal static int BatchSize(int vocabularySize, int contextLength) =>
        Math.Max(1, Math.Min(TokensPerBatch, LogitsPerBatch / vocabularySize) / contextLength);

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _tape.Dispose();
}
