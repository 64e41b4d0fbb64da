using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Tokenizers;

namespace Quatrain.Training.Runs;

/// <summary>Where the files of a training run lie.</summary>
/// <remarks>
/// The model in the folder itself is the best by validation loss; <c>state/</c> holds the last, with everything to go on from. Each file is written
/// beside its target and renamed over it.
/// </remarks>
public sealed class RunFolder
{
    /// <summary>The folder at <paramref name="path"/>, which need not be there yet.</summary>
    /// <exception cref="InvalidDataException">The path is blank.</exception>
    public RunFolder(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        Path = !string.IsNullOrWhiteSpace(path)
            ? System.IO.Path.TrimEndingDirectorySeparator(path)
            : throw new InvalidDataException("The name of the run folder is empty; name a folder with --out.");
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The vocabulary.</summary>
    public string TokenizerPath => System.IO.Path.Combine(Path, TokenizerFile.FileName);

    /// <summary>Every option of the run and what it trains on.</summary>
    public string TrainingPath => System.IO.Path.Combine(Path, "training.json");

    /// <summary>Every option of a fine-tuning run, and what it was begun with.</summary>
    public string FineTuningPath => System.IO.Path.Combine(Path, "finetuning.json");

    /// <summary>The last state: weights, moments and step, in one file so that they always belong together.</summary>
    public string StatePath => System.IO.Path.Combine(Path, "state", "last.safetensors");

    /// <summary>The weights that a fine-tuning run trains, as they were at the best evaluation.</summary>
    public string BestTrainedPath => System.IO.Path.Combine(Path, "state", "best.safetensors");

    /// <summary>What the frozen part of a model makes of the examples, while a fine-tuning run is under way that keeps it on disk.</summary>
    public string ActivationsPath => System.IO.Path.Combine(Path, "state", "activations.bin");

    /// <summary>A line for each step and evaluation.</summary>
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>The losses, drawn.</summary>
    public string PlotPath => System.IO.Path.Combine(Path, "loss.svg");

    /// <summary>Whether a run has begun here.</summary>
    public bool HoldsRun => File.Exists(TrainingPath);

    /// <summary>Whether a model lies here, of a run or of anyone.</summary>
    public bool HoldsModel =>
        File.Exists(System.IO.Path.Combine(Path, ModelFolder.WeightsFileName)) || File.Exists(System.IO.Path.Combine(Path, ModelFolder.ConfigFileName))
        || AdapterFolder.IsAt(Path);

    /// <summary>Refuses a folder in which a run would replace something.</summary>
    /// <exception cref="InvalidDataException">It holds a run or a model.</exception>
    public void RequireEmpty()
    {
        if (HoldsRun || File.Exists(FineTuningPath))
        {
            throw new InvalidDataException($"'{Path}' already holds a run; add --resume to go on with it, or choose another --out.");
        }

        if (HoldsModel)
        {
            throw new InvalidDataException($"'{Path}' holds a model that training would replace; choose another --out.");
        }
    }

    /// <summary>The first of runs/NAME, runs/NAME-2, ... under <paramref name="parent"/> that is not there yet.</summary>
    public static RunFolder Unused(string parent, string name)
    {
        string path = System.IO.Path.Combine(parent, name);
        for (int number = 2; Directory.Exists(path) || File.Exists(path); number++)
        {
            path = System.IO.Path.Combine(parent, $"{name}-{number}");
        }

        return new RunFolder(path);
    }

    /// <summary>Makes the folder and its state folder.</summary>
    /// <exception cref="InvalidDataException">A file has the name of one of the folders on the way there.</exception>
    /// <exception cref="IOException">They can't be made; the message names the folder.</exception>
    public void Create()
    {
        string state = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(StatePath))!;
        for (string? above = state; above is not null; above = System.IO.Path.GetDirectoryName(above))
        {
            if (File.Exists(above))
            {
                throw new InvalidDataException($"The run folder '{Path}' can't be made: '{above}' is a file; choose another with --out.");
            }
        }

        try
        {
            Directory.CreateDirectory(state);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The run folder '{Path}' can't be made: {e.Message.TrimEnd('.')}; choose another with --out.", e);
        }
    }

    /// <summary>Writes <c>training.json</c>.</summary>
    public void WriteDescription(RunDescription description) => AtomicFile.Write(TrainingPath, description.Write);
}
