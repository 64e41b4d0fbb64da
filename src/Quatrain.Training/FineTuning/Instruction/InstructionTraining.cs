using Quatrain.Inference;
using Quatrain.Inference.Chat;
using Quatrain.Inference.Sampling;
using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>Teaches a model to follow instructions, in a folder: splits, trains, answers before and after, saves.</summary>
public sealed class InstructionTraining : IDisposable
{
    /// <summary>What <c>finetuning.json</c> calls the task.</summary>
    public const string TaskName = "instruct";

    private const int SampleTokens = 128;

    private readonly WorkerPool _pool;
    private readonly IFineTuningObserver _observer;
    private readonly bool _resume;
    private readonly Gpt2Model _model;
    private readonly LoraAdapters? _adapters;
    private readonly ITokenizer _tokenizer;
    private readonly ChatSettings _chat;
    private readonly InstructionTask _task;
    private readonly InstructionTask? _test;
    private readonly InstructionEntry[] _asked;

    private InstructionTraining(
        RunFolder folder, InstructionOptions options, FineTuningDescription<InstructionOptions>? begun, WorkerPool pool, IFineTuningObserver observer, long? availableBytes = null)
    {
        (Folder, _pool, _observer, _resume) = (folder, pool, observer, begun is not null);
        options.Validate();
        _chat = new ChatSettings { Style = PromptStyle.Named(options.Style), System = options.System };
        begun?.CheckData(options.Data);
        IReadOnlyList<InstructionEntry> entries = InstructionFile.Load(options.Data);
        Split = InstructionSplit.Of(entries, options.Tuning.Seed);
        string path = ModelPath.ResolveExisting(options.Model);
        _tokenizer = ModelTokenizer.TryLoad(path)
            ?? throw new InvalidDataException($"'{path}' has no tokenizer, so it can't learn from text; use a folder that has one.");
        AvailableBytes = availableBytes ?? SystemMemory.AvailableBytes;
        _model = Gpt2Checkpoint.Load(path, _tokenizer.VocabularySize, (float)options.Tuning.Dropout);
        Options = options with { Tuning = options.Tuning.Resolve(options.Train, _model.Config.EmbeddingSize) };
        try
        {
            if (options.MaxLength > _model.ContextLength)
            {
                throw new InvalidDataException($"--max-length is {options.MaxLength}; the model reads at most {_model.ContextLength} tokens.");
            }

            ChatEncoder encoder = new(_tokenizer, _chat);
            InstructionDataset Encode(IReadOnlyList<InstructionEntry> part) =>
                InstructionDataset.Encode(part, encoder, MaxLength, options.Scored, options.LongEntries);
            (Training, Validation, Test) = (Encode(Split.Training), Encode(Split.Validation), Encode(Split.Test));
            begun?.CheckModel(Fingerprint.OfWeights(_model.Parameters), options.Model);
            // A prompt that fills the context leaves no room for an answer.
            _asked =
            [
                .. Split.Test.Where(entry => encoder.EncodePrompt([.. entry.Turns.SkipLast(1)]).Length < _model.ContextLength).Take(options.Samples),
            ];
            int stage = TrainedPart.Freeze(options.Train, options.Adapters, options.Tuning.Seed, _model, out _adapters);
            _task = new InstructionTask(_model, stage, Training.Examples, Validation.Examples, PadId, _adapters?.Parameters);
            _test = Test.Examples.Count > 0 ? new InstructionTask(_model, stage, [], Test.Examples, PadId) : null;
            Memory = new FineTuningMemory(_task, _test, options.Train, options.Tuning, AvailableBytes);
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
    public InstructionOptions Options { get; }

    /// <summary>The entries of each part.</summary>
    public InstructionSplit Split { get; }

    /// <summary>The training part as tokens.</summary>
    public InstructionDataset Training { get; }

    /// <summary>The validation part as tokens.</summary>
    public InstructionDataset Validation { get; }

    /// <summary>The test part as tokens.</summary>
    public InstructionDataset Test { get; }

    /// <summary>The most tokens of an entry.</summary>
    public int MaxLength => Options.MaxLength ?? _model.ContextLength;

    /// <summary>The weights of the model.</summary>
    public long Parameters => _model.Parameters.ElementCount;

    /// <summary>What the run will hold in memory.</summary>
    public FineTuningMemory Memory { get; }

    /// <summary>The bytes there were for it.</summary>
    public long AvailableBytes { get; }

    private int PadId => _tokenizer.EndOfTextId ?? 0;

    /// <summary>Sets up a new run in <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidDataException">An option, the data or the model can't be used, the run does not fit in memory, or the folder holds something already.</exception>
    /// <exception cref="IOException">A file can't be read or the folder can't be written.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses the memory after all.</exception>
    public static InstructionTraining Begin(RunFolder folder, InstructionOptions options, WorkerPool pool, IFineTuningObserver observer) =>
        Begin(folder, options, pool, observer, null);

    internal static InstructionTraining Begin(RunFolder folder, InstructionOptions options, WorkerPool pool, IFineTuningObserver observer, long? availableBytes)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        folder.RequireEmpty();
        options = options with { Model = ModelPath.InFull(options.Model) };
        InstructionTraining training = new(folder, options, null, pool, observer, availableBytes);
        try
        {
            folder.Create();
            FineTuningFile.Write(
                folder.FineTuningPath,
                new FineTuningDescription<InstructionOptions>(TaskName, training.Options, Fingerprint.OfFile(options.Data), Fingerprint.OfWeights(training._model.Parameters)),
                FineTuningJson.Default.Instruction);
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
    /// <inheritdoc cref="Begin(RunFolder, InstructionOptions, WorkerPool, IFineTuningObserver)" path="/exception"/>
    public static InstructionTraining Resume(RunFolder folder, WorkerPool pool, IFineTuningObserver observer)
    {
        ArgumentNullException.ThrowIfNull(folder);
        FineTuningDescription<InstructionOptions> begun = FineTuningFile.Read(folder.FineTuningPath, TaskName, FineTuningJson.Default.Instruction);
        folder.Create();
        return new InstructionTraining(folder, begun.Options, begun, pool, observer);
    }

    /// <summary>Trains, answers and saves; where the caller cancels, what was done is saved and can be gone on with.</summary>
    /// <exception cref="TrainingDivergedException">The loss or the gradient became NaN or infinite.</exception>
    /// <exception cref="IOException">A file can't be written.</exception>
    public InstructionOutcome Run(CancellationToken cancellation = default)
    {
        // Of the base, before a saved state replaces its weights. Where the caller cancels here, the run does no step and is saved as it stands.
        Measured? before = Measure(cancellation);
        FineTuningResult result;
        using (FineTuningRun run = new(Folder, _task, Options.Tuning with { Cache = Memory.Cache }, _pool, _observer, _resume))
        {
            result = run.Run(cancellation);
        }

        if (!result.Interrupted)
        {
            Save();
        }

        // All steps are saved; a run that is resumed when they are done measures once more.
        if (result.Interrupted || before is null || Measure(cancellation) is not { } after)
        {
            return new InstructionOutcome(result with { Interrupted = true }, null, null, null, []);
        }

        InstructionSample[] samples =
        [
            .. _asked.Select((entry, i) => new InstructionSample(
                string.Join("\n", entry.Turns.SkipLast(1).Select(turn => turn.Input.Length > 0 ? $"{turn.Text}\n{turn.Input}" : turn.Text)),
                entry.Turns[^1].Text, before.Answers[i], after.Answers[i])),
        ];
        double? best = result.Records.OfType<EvaluationRecord>().MinBy(record => record.ValidationLoss)?.ValidationLoss;
        return new InstructionOutcome(result, best, before.TestLoss, after.TestLoss, samples);
    }

    /// <summary>Frees the model.</summary>
    public void Dispose()
    {
        _adapters?.Dispose();
        _model.Dispose();
    }

    private Measured? Measure(CancellationToken cancellation)
    {
        try
        {
            return new Measured(Answer(cancellation), TestLoss(cancellation));
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private double? TestLoss(CancellationToken cancellation)
    {
        if (_test is null)
        {
            return null;
        }

        using FineTuningScorer scorer = new(_test, Options.Tuning.BatchSize, null, _pool);
        return scorer.Score(cancellation).Loss;
    }

    private string[] Answer(CancellationToken cancellation)
    {
        using ChatGenerator generator = new(_model, _tokenizer, _chat, _pool);
        GenerationOptions options = new() { MaxTokens = SampleTokens, Sampling = new SamplingOptions { Temperature = 0 } };
        return
        [
            .. _asked.Select(entry =>
            {
                string answer = generator.Reply([.. entry.Turns.SkipLast(1)], options, null, cancellation).Text;
                // A reply that was cancelled is only its beginning.
                cancellation.ThrowIfCancellationRequested();
                return answer;
            }),
        ];
    }

    private void Save()
    {
        ModelTokenizer.Write(Folder.Path, _tokenizer, _model.ContextLength);
        _chat.Save(Folder.Path);
        if (_adapters is null)
        {
            Gpt2Checkpoint.Save(Folder.Path, _model);
        }
        else
        {
            AdapterFolder.Save(Folder.Path, _adapters, Options.Model);
        }
    }

    private sealed record Measured(IReadOnlyList<string> Answers, double? TestLoss);
}

/// <summary>What the teaching came to.</summary>
/// <param name="Result">How the training went.</param>
/// <param name="ValidationLoss">The best loss of the validation part; null where the run was interrupted.</param>
/// <param name="TestLossBefore">The loss of the test part with the model it started from.</param>
/// <param name="TestLoss">The loss of the test part with the model that came of it.</param>
/// <param name="Samples">Answers to entries of the test part.</param>
public sealed record InstructionOutcome(
    FineTuningResult Result, double? ValidationLoss, double? TestLossBefore, double? TestLoss, IReadOnlyList<InstructionSample> Samples);

/// <summary>Answers to an instruction.</summary>
/// <param name="Prompt">The instruction.</param>
/// <param name="Expected">The answer that the data gives.</param>
/// <param name="Before">The answer of the model it started from.</param>
/// <param name="After">The answer of the model that came of it.</param>
public sealed record InstructionSample(string Prompt, string Expected, string Before, string After);
