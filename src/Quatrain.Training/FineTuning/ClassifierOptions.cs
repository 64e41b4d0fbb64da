using Quatrain.Inference.Classification;
using Quatrain.Models.Adapters;
using Quatrain.Models.Classification;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Training.FineTuning;

/// <summary>How a classifier is made from a model.</summary>
public sealed record ClassifierOptions
{
    /// <summary>What <see cref="Train"/> says where adapters are to be trained in place of the model's own weights.</summary>
    public const string Lora = "lora";

    /// <summary>The model to start from: a path, or a pulled name.</summary>
    public string Model { get; init; } = "";

    /// <summary>The file of labelled texts.</summary>
    public string Data { get; init; } = "";

    /// <summary>Its columns.</summary>
    public LabeledTextOptions Columns { get; init; } = new();

    /// <summary>Whether of each class only as many texts are used as the smallest has.</summary>
    public bool Balance { get; init; }

    /// <summary>Whether a text of a rare class counts more in the loss, so that all classes count the same.</summary>
    public bool ClassWeights { get; init; }

    /// <summary>What the head looks at.</summary>
    public Pooling Pooling { get; init; } = Pooling.LastToken;

    /// <summary>The most tokens of a text that are read, or null for the model's context, and with <see cref="Pooling.LastPosition"/> for the longest training text.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Whether texts with more tokens are an error; otherwise they are cut, and counted.</summary>
    public bool RefuseLong { get; init; }

    /// <summary>What trains beside the head: head (nothing), last-K, all or lora.</summary>
    public string Train { get; init; } = "all";

    /// <summary>The adapters, where they are what trains.</summary>
    public LoraConfig Adapters { get; init; } = new() { Rank = 16, Alpha = 16 };

    /// <summary>The class that is looked for; null for the rarer of two, and none of more.</summary>
    public string? Positive { get; init; }

    /// <summary>The largest share of texts of other classes that may be taken for the positive class; null for the likeliest class.</summary>
    public double? MaxFalsePositiveRate { get; init; }

    /// <summary>Whether a logistic regression on character n-grams is trained too, and reported beside.</summary>
    public bool Baseline { get; init; } = true;

    /// <summary>How it is trained.</summary>
    public FineTuningOptions Tuning { get; init; } = new();

    /// <summary>Checks that each option is possible by itself.</summary>
    /// <exception cref="InvalidDataException">One is not; the message names it as the command line does.</exception>
    public void Validate()
    {
        if (Model.Length == 0 || Data.Length == 0)
        {
            throw new InvalidDataException("Fine-tuning needs a model to start from and a file of data; name both.");
        }

        Tuning.Validate();
        if (!Enum.IsDefined(Pooling))
        {
            throw new InvalidDataException($"--pooling is {(int)Pooling}; it must be {string.Join(", ", ClassifierSettings.Poolings)}.");
        }

        if (Columns.Format is { } format && !Enum.IsDefined(format))
        {
            throw new InvalidDataException($"--format is {(int)format}; it must be csv, tsv or jsonl.");
        }

        if (MaxLength is < 1)
        {
            throw new InvalidDataException($"--max-length is {MaxLength}; it must be at least 1.");
        }

        if (MaxFalsePositiveRate is { } rate and not (>= 0 and <= 1))
        {
            throw new InvalidDataException(FormattableString.Invariant($"--max-false-positive-rate is {rate}; it must lie between 0 and 1."));
        }

        if (Train == Lora)
        {
            Adapters.Validate();
        }
        else
        {
            TrainedPart.Parse(Train);
        }
    }
}
