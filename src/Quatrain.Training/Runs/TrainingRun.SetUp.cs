using System.Reflection;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

namespace Quatrain.Training.Runs;

// How a run comes about: a new one in an empty folder, or one that goes on where it was saved.
public sealed partial class TrainingRun
{
    /// <summary>Sets up a new run in <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidDataException">An option or the data can't be used, or the folder holds a run already.</exception>
    /// <exception cref="IOException">The folder can't be written.</exception>
    /// <exception cref="InsufficientMemoryException">The model does not fit in memory.</exception>
    public static async Task<TrainingRun> BeginAsync(
        RunFolder folder, TrainingOptions options, WorkerPool pool, ITrainingObserver observer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        folder.RequireEmpty();
        ITokenizer? tokenizer = TrainingData.LoadTokenizer(options);
        CheckMemory(options, tokenizer);
        TrainingData data = await TrainingData.LoadAsync(options, tokenizer, cancellation).ConfigureAwait(false);
        (TrainingMemory memory, long available) = CheckMemory(options, data.Tokenizer);
        Gpt2Model model = new(memory.Config);
        try
        {
            Gpt2Initialization.Initialize(model, options.Initialization, options.Seed);
            TrainingRun run = new(folder, options, data, model, pool, observer, resume: false) { Memory = memory, AvailableBytes = available };
            folder.Create();
            AtomicFile.Write(folder.TokenizerPath, stream => stream.Write(data.Tokenizer.ToJson()));
            folder.WriteDescription(new RunDescription(options, data.Tokens.Fingerprint, ProgramVersion(), data.RecordEnd));
            return run;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Sets up the run in <paramref name="folder"/> to go on from its last saved state.</summary>
    /// <param name="folder">A folder that holds a run.</param>
    /// <param name="change">Applies what the caller asks for to the run's options; a difference is refused.</param>
    /// <param name="pool">The workers; their number need not be the same as before.</param>
    /// <param name="observer">Is told what happens.</param>
    /// <param name="cancellation">Ends the loading of the data.</param>
    /// <exception cref="InvalidDataException">There is no run or no saved state, or options or data differ from when it was begun.</exception>
    public static async Task<TrainingRun> ResumeAsync(
        RunFolder folder, Func<TrainingOptions, TrainingOptions> change, WorkerPool pool, ITrainingObserver observer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!folder.HoldsRun)
        {
            throw new InvalidDataException($"'{folder.Path}' holds no run to resume; leave out --resume to begin one, or name the run's folder with --out.");
        }

        RunDescription description = RunDescription.Read(folder.TrainingPath);
        description.CheckSameOptions(change(description.Options), folder.TrainingPath);
        TrainingOptions options = description.Options;
        options.Validate();
        CheckMemory(options, description.LoadTokenizer(folder.TrainingPath));
        TrainingData data = await description.LoadDataAsync(folder.TrainingPath, cancellation).ConfigureAwait(false);
        (TrainingMemory memory, long available) = CheckMemory(options, data.Tokenizer);
        folder.Create();
        Gpt2Model model = new(memory.Config);
        try
        {
            bool saved = File.Exists(folder.StatePath);
            if (!saved)
            {
                // Stopped before its first save: going on is beginning again.
                Gpt2Initialization.Initialize(model, options.Initialization, options.Seed);
            }

            return new TrainingRun(folder, options, data, model, pool, observer, resume: saved) { Memory = memory, AvailableBytes = available };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Refuses what does not fit, where the vocabulary is known: before a long text is read, and once more when it is there.</summary>
    private static (TrainingMemory Memory, long AvailableBytes) CheckMemory(TrainingOptions options, ITokenizer? tokenizer)
    {
        TrainingMemory memory = TrainingMemory.OfRun(ModelConfig(options, tokenizer?.VocabularySize ?? 1), options);
        long available = SystemMemory.AvailableBytes;
        memory.CheckFits(available);
        return (memory, available);
    }

    /// <summary>The model that <paramref name="options"/> ask for.</summary>
    public static Gpt2Config ModelConfig(TrainingOptions options, int vocabularySize) => new()
    {
        LayerCount = options.LayerCount,
        HeadCount = options.HeadCount,
        EmbeddingSize = options.EmbeddingSize,
        ContextLength = options.ContextLength,
        VocabularySize = vocabularySize,
        Bias = options.Bias,
        Activation = options.Activation,
        TieEmbeddings = options.TieEmbeddings,
        EmbeddingDropout = (float)options.Dropout,
        AttentionDropout = (float)options.Dropout,
        ResidualDropout = (float)options.Dropout,
    };

    private static string ProgramVersion() =>
        typeof(TrainingRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
}
