using System.Text.RegularExpressions;
using Quatrain.Tests;
using Quatrain.Training.Options;

namespace Quatrain.Repository.Tests;

/// <summary>The benchmarks keep up with what they measure.</summary>
public sealed partial class BenchmarkTests
{
    [Fact]
    public void Every_kernel_has_a_benchmark()
    {
        string[] kernels =
        [
            .. Directory.GetFiles(InRepository("src/Quatrain.Tensors/Kernels"), "*Kernel.cs").Select(path => Path.GetFileNameWithoutExtension(path)[..^"Kernel".Length])
                // What the others are measured against.
                .Where(name => name != "MachineSpeed"),
        ];

        kernels.Length.ShouldBeGreaterThan(5);
        foreach (string kernel in kernels)
        {
            File.Exists(InRepository($"benchmarks/Quatrain.Benchmarks/Kernels/{kernel}Benchmarks.cs")).ShouldBeTrue($"{kernel}Kernel has no benchmark");
        }
    }

    [Fact]
    public void Workloads_compared_with_PyTorch_are_ones_that_bench_knows()
    {
        MatchCollection workloads = Workload().Matches(File.ReadAllText(InRepository("benchmarks/compare/steps.py")));

        workloads.Count.ShouldBe(4);
        foreach (Match match in workloads)
        {
            Presets.Names.ShouldContain(match.Groups[1].Value);
        }
    }

    private static string InRepository(string path) => Path.Combine(RepositoryRoot.Path, path);

    [GeneratedRegex("""(?<!class )Workload\("([\w-]+)",""")]
    private static partial Regex Workload();
}
