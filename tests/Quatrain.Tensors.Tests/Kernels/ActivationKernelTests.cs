using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class ActivationKernelTests(ITestOutputHelper output)
{
    // Up to three chunks of 4096 elements.
    private static readonly int[] Counts = [1, 7, 8, 9, 13, 31, 33, 63, 65, 100, 4095, 4097, 9000];

    public static TheoryData<Activation> Activations => [Activation.GeluExact, Activation.GeluTanh, Activation.Relu];

    [Theory]
    [MemberData(nameof(Activations))]
    public void Forward_and_backward_agree_with_the_reference(Activation activation)
    {
        using WorkerPool pool = new(2);
        double worst = 0, worstGrad = 0;
        foreach (int count in Counts)
        {
            foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
            {
                float[] x = Values.Normal(count, 1, deviation: 3), dy = Values.Normal(count, 2), before = Values.Normal(count, 3);
                using GuardedMemory memory = new();
                (float[] y, float[] dx) = Run(activation, x, dy, accumulate ? before : null, memory, pool);
                memory.ShouldBeIntact();
                ReferenceResult expected = new(count), expectedGrad = new(count);
                for (int i = 0; i < count; i++)
                {
                    // The errors of Phi and tanh are absolute; the derivative multiplies them by its slope.
                    expected.Add(i, ActivationReference.Value(activation, x[i]), Math.Abs(x[i]));
                    expectedGrad.Add(i, dy[i] * ActivationReference.Derivative(activation, x[i]), Math.Abs(dy[i]) * (1 + Math.Abs(x[i])));
                }

                _ = accumulate ? expectedGrad.Plus(before) : expectedGrad;
                worst = Math.Max(worst, Closeness.ShouldMatch(y, expected, 5, $"y of {count}"));
                worstGrad = Math.Max(worstGrad, Closeness.ShouldMatch(dx, expectedGrad, 8, $"dx of {count}"));
            }
        }

        output.WriteLine($"{activation}: worst relative error forward {worst:E1}, backward {worstGrad:E1}");
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Large_arguments_go_through_or_to_zero(Activation activation)
    {
        using WorkerPool pool = new(1);
        using GuardedMemory memory = new();
        float[] x = [0, 30, -30, 1000, -1000, 1e6f, -1e6f, 30, -30, 1000, -1000, 1e6f, -1e6f, 0, 100, -100, 100, -100];
        (float[] y, float[] dx) = Run(activation, x, [.. x.Select(_ => 1f)], null, memory, pool);
        for (int i = 0; i < x.Length; i++)
        {
            y[i].ShouldBe(Math.Max(x[i], 0), $"at {x[i]}");
            dx[i].ShouldBe(x[i] == 0 && activation != Activation.Relu ? 0.5f : x[i] > 0 ? 1 : 0, 2e-7, $"slope at {x[i]}");
        }
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void The_number_of_threads_does_not_change_a_bit(Activation activation) =>
        ThreadCounts.ShouldNotMatter("activation", pool =>
        {
            using GuardedMemory memory = new();
            (float[] y, float[] dx) = Run(activation, Values.Normal(20_001, 1), Values.Normal(20_001, 2), null, memory, pool);
            return [.. y, .. dx];
        });

    private static (float[] Y, float[] XGrad) Run(Activation activation, float[] x, float[] dy, float[]? before, GuardedMemory memory, WorkerPool pool) =>
        activation switch
        {
            Activation.GeluExact => Run<GeluExact>(x, dy, before, memory, pool),
            Activation.GeluTanh => Run<GeluTanh>(x, dy, before, memory, pool),
            _ => Run<Relu>(x, dy, before, memory, pool),
        };

    private static (float[] Y, float[] XGrad) Run<T>(float[] x, float[] dy, float[]? before, GuardedMemory memory, WorkerPool pool)
        where T : unmanaged, IActivation
    {
        float* px = memory.Copy(x), y = memory.New(x.Length), dx = before is null ? memory.New(x.Length) : memory.Copy(before);
        ActivationKernel.Forward<T>(px, x.Length, y, pool);
        ActivationKernel.Backward<T>(px, memory.Copy(dy), x.Length, dx, before is not null, pool);
        return (new Span<float>(y, x.Length).ToArray(), new Span<float>(dx, x.Length).ToArray());
    }
}
