using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class CrossEntropyKernelTests(ITestOutputHelper output)
{
    private const int Ignored = -1;
    private const float Scale = 0.25f;

    [Fact]
    public void Forward_and_backward_agree_with_the_reference()
    {
        using WorkerPool pool = new(2);
        double worst = 0, worstGrad = 0;
        foreach (int rows in (ReadOnlySpan<int>)[1, 3, 4, 5, 13, 33])
        {
            foreach (int columns in (ReadOnlySpan<int>)[1, 2, 7, 8, 9, 13, 31, 32, 33, 63, 65, 100, 1001])
            {
                // Some rows far from zero, where an exponential that does not take off the maximum overflows.
                float[] logits = Values.Normal(rows * columns, (ulong)columns, mean: rows % 2 == 0 ? 0 : 150, deviation: 3);
                int[] targets = Targets(rows, columns);
                using GuardedMemory memory = new();
                (float[] losses, float[] grad) = Run(logits, targets, columns, inPlace: false, memory, pool);
                memory.ShouldBeIntact();
                CrossEntropyReference expected = new(logits, targets, Ignored, columns);
                string what = $"[{rows}, {columns}]";
                worst = Math.Max(worst, Closeness.ShouldMatch(losses, expected.Losses(), columns + 8, $"losses {what}"));
                worstGrad = Math.Max(worstGrad, Closeness.ShouldMatch(grad, expected.Gradient(Scale), columns + 8, $"gradient {what}"));
            }
        }

        output.WriteLine($"worst relative error forward {worst:E1}, backward {worstGrad:E1}");
    }

    [Fact]
    public void The_gradient_may_take_the_place_of_the_logits()
    {
        using WorkerPool pool = new(2);
        using GuardedMemory memory = new();
        float[] logits = Values.Normal(9 * 37, 1);
        int[] targets = Targets(9, 37);

        (_, float[] beside) = Run(logits, targets, 37, inPlace: false, memory, pool);
        (_, float[] inPlace) = Run(logits, targets, 37, inPlace: true, memory, pool);

        Closeness.ShouldBeSameBits(inPlace, beside, "gradient in place");
    }

    [Fact]
    public void Ignored_rows_have_no_loss_and_no_gradient()
    {
        using WorkerPool pool = new(1);
        using GuardedMemory memory = new();
        (float[] losses, float[] grad) = Run(Values.Normal(3 * 20, 1), [Ignored, 4, Ignored], 20, inPlace: true, memory, pool);

        losses[0].ShouldBe(0);
        losses[1].ShouldBeGreaterThan(0);
        losses[2].ShouldBe(0);
        grad[..20].ShouldAllBe(g => g == 0);
        grad[20..40].ShouldAllBe(g => g != 0);
        grad[40..].ShouldAllBe(g => g == 0);
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() =>
        ThreadCounts.ShouldNotMatter("cross entropy", pool =>
        {
            using GuardedMemory memory = new();
            (float[] losses, float[] grad) = Run(Values.Normal(41 * 65, 1), Targets(41, 65), 65, inPlace: true, memory, pool);
            return [.. losses, .. grad];
        });

    private static int[] Targets(int rows, int columns)
    {
        int[] targets = Values.Ids(rows, columns, 5);
        for (int row = 2; row < rows; row += 3)
        {
            targets[row] = Ignored;
        }

        return targets;
    }

    private static (float[] Losses, float[] Grad) Run(float[] logits, int[] targets, int columns, bool inPlace, GuardedMemory memory, WorkerPool pool)
    {
        int rows = targets.Length;
        float* x = memory.Copy(logits), losses = memory.New(rows), logSums = memory.New(rows);
        float* grad = inPlace ? x : memory.New(logits.Length);
        int* ids = memory.Copy(targets);
        CrossEntropyKernel.Forward(x, ids, Ignored, rows, columns, losses, logSums, pool);
        CrossEntropyKernel.Backward(x, ids, Ignored, logSums, rowWeights: null, Scale, rows, columns, grad, pool);
        return (new Span<float>(losses, rows).ToArray(), new Span<float>(grad, logits.Length).ToArray());
    }
}
