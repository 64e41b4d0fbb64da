using System.CommandLine;
using Quatrain.Tensors;

namespace Quatrain.Cli.Hosting;

/// <summary>--weights of the commands that only run a model forward.</summary>
internal static class WeightsOption
{
    private const string Float32 = "fp32", BFloat16 = "bf16", Int8 = "int8";

    public static Option<string?> Create() => new("--weights")
    {
        Description = "Hold the weights as fp32, bf16 (half the memory) or int8 (a quarter), which are read the sooner the smaller they are; default: as the file has them.",
        HelpName = "type",
    };

    /// <summary>The same for a benchmark's random weights, which are float32 where nothing else is said.</summary>
    public static Option<string?> CreateForBenchmark() => new("--weights")
    {
        Description = "Decoding: hold the weights as fp32, bf16 or int8; default: fp32.",
        HelpName = "type",
    };

    /// <summary>What the option calls a format.</summary>
    public static string NameOf(WeightFormat format) => format switch
    {
        WeightFormat.Float32 => Float32,
        WeightFormat.BFloat16 => BFloat16,
        _ => Int8,
    };

    /// <exception cref="InvalidDataException">It is none of the types.</exception>
    public static WeightFormat? Parse(string? value) => value switch
    {
        null => null,
        Float32 => WeightFormat.Float32,
        BFloat16 => WeightFormat.BFloat16,
        Int8 => WeightFormat.Int8,
        _ => throw new InvalidDataException($"--weights is '{value}'; it must be {Float32}, {BFloat16} or {Int8}."),
    };
}
