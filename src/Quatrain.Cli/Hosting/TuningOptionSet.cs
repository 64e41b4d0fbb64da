using System.CommandLine;
using Quatrain.Models.Adapters;
using Quatrain.Training.FineTuning;

namespace Quatrain.Cli.Hosting;

/// <summary>The options that fine-tuning has whatever it is for.</summary>
internal sealed class TuningOptionSet
{
    private readonly Option<int> _epochs;
    private readonly Option<int> _batchSize;
    private readonly Option<double?> _learningRate;
    private readonly Option<double> _warmup;
    private readonly Option<double> _weightDecay;
    private readonly Option<double> _gradientClip;
    private readonly Option<double> _dropout;
    private readonly Option<ulong> _seed;
    private readonly Option<string> _cache;
    private readonly Option<string> _train;
    private readonly Option<int> _rank;
    private readonly Option<double?> _alpha;
    private readonly Option<double> _loraDropout;
    private readonly Option<string[]> _targets;

    /// <param name="defaults">What the options are where they are not given.</param>
    /// <param name="train">What trains where nothing is said.</param>
    /// <param name="trainDescription">What can train.</param>
    /// <param name="adapters">The adapters where nothing is said.</param>
    /// <param name="hasHead">Whether there is a head that can train alone.</param>
    public TuningOptionSet(FineTuningOptions defaults, string train, string trainDescription, LoraConfig adapters, bool hasHead)
    {
        _train = new("--train") { Description = trainDescription, HelpName = "what", DefaultValueFactory = _ => train };
        _train.CompletionSources.Add(["all", "last-1", "last-2", .. hasHead ? ["head"] : (string[])[], ClassifierOptions.Lora]);
        _epochs = NumberOption.Whole("--epochs", "How often each example is trained on.", defaults.Epochs);
        _batchSize = NumberOption.Whole("--batch-size", "Examples of a step.", defaults.BatchSize);
        _learningRate = NumberOption.OptionalDecimal("--learning-rate", "The highest learning rate; it rises from 0 and falls to a tenth. Default: by the model's width and what trains.");
        _warmup = NumberOption.Decimal("--warmup", "The share of all steps in which the learning rate rises.", defaults.WarmupShare);
        _weightDecay = NumberOption.Decimal("--weight-decay", "AdamW's decay of matrices.", defaults.WeightDecay);
        _gradientClip = NumberOption.Decimal("--gradient-clip", "The norm that gradients are scaled down to; 0 is off.", defaults.GradientClip);
        _dropout = NumberOption.Decimal("--dropout", "Dropout in the part that trains.", defaults.Dropout);
        _seed = NumberOption.Whole("--seed", "Decides the split, the order and what begins random.", defaults.Seed);
        _cache = new("--cache") { Description = "Where what the frozen layers make of each example is kept: auto, memory, disk or off. Results are the same.", HelpName = "where", DefaultValueFactory = _ => "auto" };
        _cache.CompletionSources.Add("auto", "memory", "disk", "off");
        _rank = NumberOption.Whole("--lora-rank", "With --train lora: the adapters' rank.", adapters.Rank);
        _alpha = NumberOption.OptionalDecimal("--lora-alpha", "With --train lora: adapters are scaled by this over their rank; default: the rank.");
        _loraDropout = NumberOption.Decimal("--lora-dropout", "With --train lora: dropout before each adapter.", adapters.Dropout);
        _targets = new("--lora-targets")
        {
            Description = $"With --train lora: the layers that get adapters, such as c_attn, mlp.c_fc or h.1*; default: {string.Join(" ", adapters.Targets)}.",
            HelpName = "layers",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. adapters.Targets],
        };
    }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _train, _epochs, _batchSize, _learningRate, _warmup, _weightDecay, _gradientClip, _dropout, _seed, _cache, _rank, _alpha, _loraDropout, _targets })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What trains.</summary>
    public string Train(ParseResult parsed) => parsed.GetValue(_train)!;

    /// <summary>How it is trained.</summary>
    /// <exception cref="InvalidDataException">An option is impossible.</exception>
    public FineTuningOptions Tuning(ParseResult parsed) => new()
    {
        Epochs = parsed.GetValue(_epochs),
        BatchSize = parsed.GetValue(_batchSize),
        LearningRate = parsed.GetValue(_learningRate),
        WarmupShare = parsed.GetValue(_warmup),
        WeightDecay = parsed.GetValue(_weightDecay),
        GradientClip = parsed.GetValue(_gradientClip),
        Dropout = parsed.GetValue(_dropout),
        Seed = parsed.GetValue(_seed),
        Cache = parsed.GetValue(_cache) switch
        {
            "auto" => PrefixCache.Auto,
            "memory" => PrefixCache.Memory,
            "disk" => PrefixCache.Disk,
            "off" => PrefixCache.Off,
            string other => throw new InvalidDataException($"--cache is '{other}'; it must be auto, memory, disk or off."),
            null => PrefixCache.Auto,
        },
    };

    /// <summary>The adapters, where they are what trains.</summary>
    /// <exception cref="InvalidDataException">An option for adapters is given, and they are not what trains.</exception>
    public LoraConfig Adapters(ParseResult parsed)
    {
        if (Train(parsed) != ClassifierOptions.Lora)
        {
            foreach (Option option in new Option[] { _rank, _alpha, _loraDropout, _targets })
            {
                if (parsed.GetResult(option) is { Implicit: false })
                {
                    throw new InvalidDataException($"{option.Name} is for adapters; give --train lora too.");
                }
            }
        }

        int rank = parsed.GetValue(_rank);
        return new LoraConfig { Rank = rank, Alpha = parsed.GetValue(_alpha) ?? rank, Dropout = (float)parsed.GetValue(_loraDropout), Targets = parsed.GetValue(_targets)! };
    }
}
