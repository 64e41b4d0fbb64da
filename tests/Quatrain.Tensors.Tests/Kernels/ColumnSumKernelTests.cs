using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class ColumnSumKernelTests
{
    [Fact]
    public void Sums_agree_with_the_reference_at_awkward_sizes()
    {
        using WorkerPool pool = new(2);
        foreach (int rows in (ReadOnlySpan<int>)[0, 1, 2, 7, 33, 100])
        {
            foreach (int columns in (ReadOnlySpan<int>)[1, 7, 8, 9, 11, 12, 13, 31, 32, 33, 63, 64, 65, 100, 129])
            {
                // Rows with gaps between them.
                int stride = columns + 3;
                float[] x = Values.Normal(rows * stride, 1), before = Values.Normal(columns, 2);
                ReferenceResult expected = new(columns);
                for (int i = 0; i < rows * columns; i++)
                {
                    expected.Add(i % columns, x[i / columns * stride + i % columns]);
                }

                using GuardedMemory memory = new();
                float* sums = memory.New(columns), accumulated = memory.Copy(before);
                ColumnSumKernel.Sum(memory.Copy(x), stride, rows, columns, sums, accumulate: false, pool);
                ColumnSumKernel.Sum(memory.Copy(x), stride, rows, columns, accumulated, accumulate: true, pool);
                memory.ShouldBeIntact();
                Closeness.ShouldMatch(new Span<float>(sums, columns), expected, rows, $"[{rows}, {columns}]");
                Closeness.ShouldMatch(new Span<float>(accumulated, columns), expected.Plus(before), rows + 1, $"[{rows}, {columns}] accumulated");
            }
        }
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() =>
        ThreadCounts.ShouldNotMatter("column sums", pool =>
        {
            using GuardedMemory memory = new();
            float* sums = memory.New(500);
            ColumnSumKernel.Sum(memory.Copy(Values.Normal(500 * 37, 1)), 500, 37, 500, sums, accumulate: false, pool);
            return new Span<float>(sums, 500).ToArray();
        });
}
