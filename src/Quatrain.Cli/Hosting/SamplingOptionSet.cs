using System.CommandLine;
using System.Security.Cryptography;
using Quatrain.Inference.Sampling;

namespace Quatrain.Cli.Hosting;

/// <summary>The options of the commands that draw tokens.</summary>
internal sealed class SamplingOptionSet
{
    private static readonly SamplingOptions Default = new();

    private readonly Option<double> _temperature = NumberOption.Decimal("--temperature", "0 takes the most likely token; higher is more varied.", Default.Temperature);
    private readonly Option<int> _topK = NumberOption.Whole("--top-k", "Choose among the k most likely tokens only; 0 is off.", Default.TopK);
    private readonly Option<double> _topP = NumberOption.Decimal("--top-p", "Choose among the likeliest tokens that together reach this probability; 1 is off.", Default.TopP);
    private readonly Option<double> _minP = NumberOption.Decimal("--min-p", "Leave out tokens less likely than this share of the likeliest; 0 is off.", Default.MinP);
    private readonly Option<double> _penalty = NumberOption.Decimal("--repetition-penalty", "Above 1 makes tokens that came already less likely; 1 is off.", Default.RepetitionPenalty);
    private readonly Option<string[]> _stop = new("--stop") { Description = "End at this text, which is left out; \\n is a line end. May be given several times.", HelpName = "text" };
    private readonly Option<ulong?> _seed = NumberOption.OptionalWhole<ulong>("--seed", "Decides all draws; default: another one each time.");

    /// <summary>All of them but the seed, which help has last.</summary>
    public IEnumerable<Option> Choosing => [_temperature, _topK, _topP, _minP, _penalty, _stop];

    /// <summary>--seed.</summary>
    public Option SeedOption => _seed;

    /// <summary>What the command line says of the choice of tokens.</summary>
    public SamplingOptions Sampling(ParseResult parsed) => new()
    {
        Temperature = parsed.GetValue(_temperature),
        TopK = parsed.GetValue(_topK),
        TopP = parsed.GetValue(_topP),
        MinP = parsed.GetValue(_minP),
        RepetitionPenalty = parsed.GetValue(_penalty),
    };

    /// <summary>The stop texts.</summary>
    public string[] Stop(ParseResult parsed) => [.. (parsed.GetValue(_stop) ?? []).Select(Unescape)];

    /// <summary>The seed, or one of its own.</summary>
    public ulong Seed(ParseResult parsed) => parsed.GetValue(_seed) ?? (ulong)RandomNumberGenerator.GetInt32(int.MaxValue);

    private static string Unescape(string text) =>
        text.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
}
