using Quatrain.Inference;
using Quatrain.Inference.Classification;
using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.FineTuning.Baselines;
using Quatrain.Training.FineTuning.Data;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.Runs;

namespace Quatrain.Training.FineTuning;

/// <summary>Makes a classifier from a model and a file of labelled texts, in a folder: splits, trains, measures, saves.</summary>
public sealed class ClassifierTraining : IDisposable
{
    /// <summary>What <c>finetuning.json</c> calls the task.</summary>
    public const string TaskName = "classify";

    private readonly WorkerPool _pool;
    private readonly IFineTuningObserver _observer;
    private readonly bool _resume;
    private readonly ITokenizer _tokenizer;
    private readonly Gpt2Classifier _classifier;
    private readonly LoraAdapters? _adapters;
    private readonly ClassificationTask _task;
    private readonly ClassificationExample[] _test;

    private ClassifierTraining(
        RunFolder folder, ClassifierOptions options, FineTuningDescription<ClassifierOptions>? begun, WorkerPool pool, IFineTuningObserver observer, long? availableBytes = null)
    {
        (Folder, _pool, _observer, _resume) = (folder, pool, observer, begun is not null);
        options.Validate();
        Options = options;
        begun?.CheckData(options.Data);
        Texts = LabeledTextFile.Load(options.Data, options.Columns);
        Split = DataSplit.Stratified(Texts, options.Tuning.Seed, balance: options.Balance);
        PositiveClass = FindPositive();
        string path = ModelPath.ResolveExisting(options.Model);
        _tokenizer = ModelTokenizer.TryLoad(path)
            ?? throw new InvalidDataException($"'{path}' has no tokenizer, so it can't learn from text; use a folder that has one.");
        AvailableBytes = availableBytes ?? SystemMemory.AvailableBytes;
        Gpt2Model model = Gpt2Checkpoint.Load(path, _tokenizer.VocabularySize, (float)options.Tuning.Dropout);
        Options = options with { Tuning = options.Tuning.Resolve(options.Train, model.Config.EmbeddingSize) };
        _classifier = new Gpt2Classifier(model, Split.Labels.Count, options.Pooling);
        try
        {
            Encoded texts = Encode(model.ContextLength);
            (MaxLength, TruncatedTexts, _test) = (texts.MaxLength, texts.Truncated, texts.Test);
            begun?.CheckModel(Fingerprint.OfWeights(model.Parameters), options.Model);
            _classifier.InitializeHead(options.Tuning.Seed);
            int stage = TrainedPart.Freeze(options.Train, options.Adapters, options.Tuning.Seed, model, out _adapters);
            float[] weights = options.ClassWeights ? Data.ClassWeights.Balanced(Split.TrainingCounts) : [];
            _task = new ClassificationTask(_classifier, stage, texts.Training, texts.Validation, weights, PadId, _adapters?.Parameters);
            Memory = new FineTuningMemory(_task, new ClassificationTask(_classifier, stage, [], texts.Test, [], PadId), options.Train, options.Tuning, AvailableBytes);
            Memory.CheckFits(AvailableBytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where everything goes.</summary>
    public RunFolder Folder { get; }

    /// <summary>Every option.</summary>
    public ClassifierOptions Options { get; }

    /// <summary>The texts, and how they were found.</summary>
    public LabeledTexts Texts { get; }

    /// <summary>Their parts.</summary>
    public DataSplit Split { get; }

    /// <summary>The class that is looked for, or null.</summary>
    public int? PositiveClass { get; }

    /// <summary>The most tokens of a text that are read.</summary>
    public int MaxLength { get; }

    /// <summary>The texts that have more.</summary>
    public int TruncatedTexts { get; }

    /// <summary>The model.</summary>
    public Gpt2Config Config => _classifier.Model.Config;

    /// <summary>The weights of the model and the head.</summary>
    public long Parameters => _classifier.Model.Parameters.ElementCount + _classifier.HeadParameters.ElementCount;

    /// <summary>What the run will hold in memory.</summary>
    public FineTuningMemory Memory { get; }

    /// <summary>The bytes there were for it.</summary>
    public long AvailableBytes { get; }

    private int PadId => _tokenizer.EndOfTextId ?? 0;

    /// <summary>Sets up a new run in <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidDataException">An option, the data or the model can't be used, the run does not fit in memory, or the folder holds something already.</exception>
    /// <exception cref="IOException">A file can't be read or the folder can't be written.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory after all.</exception>
    public static ClassifierTraining Begin(RunFolder folder, ClassifierOptions options, WorkerPool pool, IFineTuningObserver observer) =>
        Begin(folder, options, pool, observer, null);

    internal static ClassifierTraining Begin(RunFolder folder, ClassifierOptions options, WorkerPool pool, IFineTuningObserver observer, long? availableBytes)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        folder.RequireEmpty();
        options = options with { Model = ModelPath.InFull(options.Model) };
        ClassifierTraining training = new(folder, options, null, pool, observer, availableBytes);
        try
        {
            folder.Create();
            FineTuningFile.Write(
                folder.FineTuningPath,
                new FineTuningDescription<ClassifierOptions>(TaskName, training.Options, Fingerprint.OfFile(options.Data), Fingerprint.OfWeights(training._classifier.Model.Parameters)),
                FineTuningJson.Default.Classifier);
            return training;
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    /// <summary>Sets up the run in <paramref name="folder"/> to go on from its last saved state.</summary>
    /// <exception cref="InvalidDataException">There is no run, or its data or model changed.</exception>
    /// <inheritdoc cref="Begin(RunFolder, ClassifierOptions, WorkerPool, IFineTuningObserver)" path="/exception"/>
    public static ClassifierTraining Resume(RunFolder folder, WorkerPool pool, IFineTuningObserver observer)
    {
        ArgumentNullException.ThrowIfNull(folder);
        FineTuningDescription<ClassifierOptions> begun = FineTuningFile.Read(folder.FineTuningPath, TaskName, FineTuningJson.Default.Classifier);
        folder.Create();
        return new ClassifierTraining(folder, begun.Options, begun, pool, observer);
    }

    /// <summary>Trains, measures and saves the classifier; where the caller cancels, what was done is saved and can be gone on with.</summary>
    /// <exception cref="TrainingDivergedException">The loss or the gradient became NaN or infinite.</exception>
    /// <exception cref="IOException">A file can't be written.</exception>
    public ClassifierOutcome Run(CancellationToken cancellation = default)
    {
        FineTuningResult result;
        using (FineTuningRun run = new(Folder, _task, Options.Tuning with { Cache = Memory.Cache }, _pool, _observer, _resume))
        {
            result = run.Run(cancellation);
        }

        if (result.Interrupted)
        {
            return new ClassifierOutcome(result, null, null, 0);
        }

        try
        {
            ClassifierEvaluation evaluation = ClassifierEvaluation.Compute(
                Scored(Split.Validation, Logits(_task.ValidationExamples, cancellation)), Scored(Split.Test, Logits(_test, cancellation)),
                Split.Labels, PositiveClass, Options.MaxFalsePositiveRate);
            (ClassifierEvaluation? baseline, double seconds) = Options.Baseline ? NgramBaseline.Evaluate(Split, evaluation, Options.MaxFalsePositiveRate, cancellation) : (null, 0);
            Save(evaluation);
            return new ClassifierOutcome(result, evaluation, baseline, seconds);
        }
        catch (OperationCanceledException)
        {
            // All steps are saved; a run that is resumed here does the rest once more.
            return new ClassifierOutcome(result with { Interrupted = true }, null, null, 0);
        }
    }

    /// <summary>Frees the model.</summary>
    public void Dispose()
    {
        _adapters?.Dispose();
        _classifier.Dispose();
    }

    private static IReadOnlyList<ScoredExample> Scored(IReadOnlyList<(string Text, int Label)> texts, float[][] logits) =>
        [.. texts.Select((text, i) => new ScoredExample(text.Text, text.Label, logits[i]))];

    private int? FindPositive()
    {
        if (Options.Positive is { } name)
        {
            int index = Texts.ClassOf(name);
            return index >= 0
                ? index
                : throw new InvalidDataException($"--positive is '{name}', which is none of the labels ({string.Join(", ", Texts.Labels.Take(10))}); choose one of them.");
        }

        if (Options.MaxFalsePositiveRate is not null && Split.Labels.Count > 2)
        {
            throw new InvalidDataException("--max-false-positive-rate needs a class that is looked for; name it with --positive.");
        }

        return Split.Labels.Count == 2 ? Texts.ClassCounts[1] <= Texts.ClassCounts[0] ? 1 : 0 : null;
    }

    private Encoded Encode(int contextLength)
    {
        if (Options.MaxLength > contextLength)
        {
            throw new InvalidDataException($"--max-length is {Options.MaxLength}; the model reads at most {contextLength} tokens.");
        }

        int most = Options.MaxLength ?? contextLength;
        if (Options.Pooling == Pooling.LastPosition && Options.MaxLength is null)
        {
            // As in the book: all texts are padded to the longest of the training part.
            TextEncoder whole = new(_tokenizer, Pooling.LastToken, int.MaxValue, PadId);
            most = Math.Min(most, Split.Training.Max(text => whole.Encode(text.Text, () => Where(text.Text)).Ids.Length));
        }

        TextEncoder encoder = new(_tokenizer, Options.Pooling, most, PadId);
        int truncated = 0;
        ClassificationExample[] EncodeAll(IReadOnlyList<(string Text, int Label)> texts) =>
        [
            .. texts.Select(text =>
            {
                EncodedText encoded = encoder.Encode(text.Text, () => Where(text.Text));
                truncated += encoded.IsTruncated ? 1 : 0;
                return new ClassificationExample(encoded.Ids, text.Label);
            }),
        ];
        Encoded result = new(EncodeAll(Split.Training), EncodeAll(Split.Validation), EncodeAll(Split.Test), most, truncated);
        return truncated > 0 && Options.RefuseLong
            ? throw new InvalidDataException($"{truncated} of the texts in '{Options.Data}' have more than {most} tokens; shorten them, or leave out --too-long refuse to cut them.")
            : result with { Truncated = truncated };
    }

    /// <summary>What a message calls a text: the first row that has it.</summary>
    private string Where(string text) => Texts.Where(Options.Data, Enumerable.Range(0, Texts.Examples.Count).First(i => Texts.Examples[i].Text == text));

    private float[][] Logits(IReadOnlyList<ClassificationExample> examples, CancellationToken cancellation)
    {
        float[][] logits = new float[examples.Count][];
        using Tape tape = new(_pool, recording: false);
        int[] lengths = [.. examples.Select(example => example.Ids.Length)];
        foreach (int[] batch in LengthGroupedBatches.Sorted(lengths, .., Options.Tuning.BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            tape.Begin();
            ReadOnlySpan<float> values = _classifier.Logits(tape, new PaddedBatch([.. batch.Select(i => examples[i].Ids)], PadId)).Values;
            for (int b = 0; b < batch.Length; b++)
            {
                logits[batch[b]] = values.Slice(b * _classifier.ClassCount, _classifier.ClassCount).ToArray();
            }
        }

        return logits;
    }

    private void Save(ClassifierEvaluation evaluation)
    {
        ModelTokenizer.Write(Folder.Path, _tokenizer, Config.ContextLength);
        if (_adapters is null)
        {
            Gpt2ClassifierCheckpoint.Save(Folder.Path, _classifier, Split.Labels, PadId);
        }
        else
        {
            AdapterFolder.Save(
                Folder.Path, _adapters, Options.Model, AdapterTask.SequenceClassification,
                [new SafetensorsTensor(Gpt2Classifier.HeadName, [_classifier.ClassCount, Config.EmbeddingSize], () => _classifier.Head.Values)]);
        }

        new ClassifierSettings
        {
            Labels = Split.Labels,
            Pooling = Options.Pooling,
            MaxLength = MaxLength,
            PadId = PadId,
            Temperature = evaluation.Temperature,
            PositiveClass = PositiveClass,
            Threshold = evaluation.Threshold is { } threshold ? new ClassThreshold(threshold.PositiveClass, threshold.Value) : null,
        }.Write(Folder.Path);
    }

    /// <summary>The parts as token ids.</summary>
    private sealed record Encoded(ClassificationExample[] Training, ClassificationExample[] Validation, ClassificationExample[] Test, int MaxLength, int Truncated);
}

/// <summary>What the making of a classifier came to.</summary>
/// <param name="Result">How the training went.</param>
/// <param name="Evaluation">What validation and test part say of the classifier; null where it was interrupted.</param>
/// <param name="Baseline">What they say of the logistic regression, if one was trained.</param>
/// <param name="BaselineSeconds">The seconds that took.</param>
public sealed record ClassifierOutcome(FineTuningResult Result, ClassifierEvaluation? Evaluation, ClassifierEvaluation? Baseline, double BaselineSeconds);
