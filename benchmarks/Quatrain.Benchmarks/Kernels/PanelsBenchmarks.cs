using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>Packing a block of a matrix, 768 wide or tall, into panels of a tile's height or width.</summary>
public unsafe class PanelsBenchmarks : KernelBenchmark
{
    private const int Count = 768;
    private const int Depth = 256;

    private float* _matrix, _panels;

    public static IEnumerable<int> Widths => [RegisterTile.MachineRows, RegisterTile.MachineColumns];

    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    public override Amount AmountOf(string method) => new(0, 2.0 * sizeof(float) * Count * Depth);

    [Benchmark]
    public void PackRows() => Panels.PackRows(_matrix, Depth, Count, Depth, Width, _panels);

    [Benchmark]
    public void PackColumns() => Panels.PackColumns(_matrix, Count, Count, Depth, Width, _panels);

    protected override void Allocate()
    {
        _matrix = Floats((long)Count * Depth);
        _panels = Floats(Panels.Size(Count, Depth, Width));
    }
}
