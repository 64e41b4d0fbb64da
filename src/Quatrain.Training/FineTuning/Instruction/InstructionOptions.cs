using Quatrain.Inference.Chat;
using Quatrain.Models.Adapters;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>How a model is taught to follow instructions.</summary>
public sealed record InstructionOptions
{
    /// <summary>The model to start from: a path, or a pulled name.</summary>
    public string Model { get; init; } = "";

    /// <summary>The file of instructions or conversations.</summary>
    public string Data { get; init; } = "";

    /// <summary>The name of the prompt style.</summary>
    public string Style { get; init; } = PromptStyle.Alpaca.Name;

    /// <summary>What stands before conversations that bring no system text of their own, or null.</summary>
    public string? System { get; init; }

    /// <summary>Which tokens the loss is measured on.</summary>
    public ScoredTokens Scored { get; init; } = ScoredTokens.Replies;

    /// <summary>The most tokens of an entry, or null for the model's context.</summary>
    public int? MaxLength { get; init; }

    /// <summary>What becomes of longer entries.</summary>
    public LongEntryPolicy LongEntries { get; init; } = LongEntryPolicy.Truncate;

    /// <summary>What trains: last-K, all or lora.</summary>
    public string Train { get; init; } = "all";

    /// <summary>The adapters, where they are what trains.</summary>
    public LoraConfig Adapters { get; init; } = new() { Rank = 16, Alpha = 16 };

    /// <summary>How many test entries are answered before and after.</summary>
    public int Samples { get; init; } = 3;

    /// <summary>How it is trained.</summary>
    public FineTuningOptions Tuning { get; init; } = new() { Epochs = 2 };

    /// <summary>Checks that each option is possible by itself.</summary>
    /// <exception cref="InvalidDataException">One is not; the message names it as the command line does.</exception>
    public void Validate()
    {
        if (Model.Length == 0 || Data.Length == 0)
        {
            throw new InvalidDataException("Fine-tuning needs a model to start from and a file of data; name both.");
        }

        Tuning.Validate();
        if (MaxLength is < 2)
        {
            throw new InvalidDataException($"--max-length is {MaxLength}; it must be at least 2.");
        }

        if (Samples is < 0 or > 1000)
        {
            throw new InvalidDataException($"--samples is {Samples}; it must lie between 0 and 1000.");
        }

        if (Train == "head")
        {
            throw new InvalidDataException("--train is 'head', and a language model's head is its token table; choose last-K, all or lora.");
        }

        if (Train == ClassifierOptions.Lora)
        {
            Adapters.Validate();
        }
        else
        {
            TrainedPart.Parse(Train, hasHead: false);
        }
    }
}
