using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class LayerNormKernelTests(ITestOutputHelper output)
{
    private const float Epsilon = 1e-5f;

    // A unit of work is 16 rows.
    private static readonly int[] Rows = [1, 7, 16, 17, 33, 65];

    private static readonly int[] Columns = [1, 7, 8, 9, 12, 13, 31, 32, 33, 63, 65, 100, 385];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Forward_and_backward_agree_with_the_reference(bool hasBias)
    {
        using WorkerPool pool = new(2);
        double worst = 0, worstGrad = 0;
        foreach (int rows in Rows)
        {
            foreach (int columns in Columns)
            {
                (double error, double gradError) = Compare(rows, columns, hasBias, accumulate: (rows + columns) % 3 == 0, pool);
                worst = Math.Max(worst, error);
                worstGrad = Math.Max(worstGrad, gradError);
            }
        }

        output.WriteLine($"worst relative error forward {worst:E1}, backward {worstGrad:E1}");
    }

    [Fact]
    public void Gradients_that_are_not_wanted_are_left_alone_and_do_not_change_the_others()
    {
        const int R = 33, C = 20;
        using WorkerPool pool = new(2);
        Operands operands = new(R, C, hasBias: true);
        using GuardedMemory memory = new();
        operands.Forward(memory, pool, out float* mean, out float* inverse);
        float* x = memory.New(R * C), weight = memory.New(C), bias = memory.New(C);
        operands.Backward(memory, pool, mean, inverse, x, weight, bias, accumulate: false);
        for (int wanted = 0; wanted < 8; wanted++)
        {
            float* x2 = (wanted & 1) != 0 ? memory.New(R * C) : null;
            float* weight2 = (wanted & 2) != 0 ? memory.New(C) : null;
            float* bias2 = (wanted & 4) != 0 ? memory.New(C) : null;
            operands.Backward(memory, pool, mean, inverse, x2, weight2, bias2, accumulate: false);
            ShouldAgree(x2, x, R * C);
            ShouldAgree(weight2, weight, C);
            ShouldAgree(bias2, bias, C);
        }

        memory.ShouldBeIntact();

        static void ShouldAgree(float* actual, float* expected, int count)
        {
            if (actual is not null)
            {
                Closeness.ShouldBeSameBits(new Span<float>(actual, count), new Span<float>(expected, count), "gradient");
            }
        }
    }

    [Theory]
    [InlineData(1, 7)]
    [InlineData(65, 33)]
    [InlineData(100, 200)]
    public void The_number_of_threads_does_not_change_a_bit(int rows, int columns) =>
        ThreadCounts.ShouldNotMatter("layer norm", pool =>
        {
            Operands operands = new(rows, columns, hasBias: true);
            using GuardedMemory memory = new();
            float[] y = operands.Forward(memory, pool, out float* mean, out float* inverse);
            float* x = memory.New(rows * columns), weight = memory.New(columns), bias = memory.New(columns);
            operands.Backward(memory, pool, mean, inverse, x, weight, bias, accumulate: false);
            return [.. y, .. new Span<float>(x, rows * columns), .. new Span<float>(weight, columns), .. new Span<float>(bias, columns)];
        });

    private static (double Forward, double Backward) Compare(int rows, int columns, bool hasBias, bool accumulate, WorkerPool pool)
    {
        string what = $"[{rows}, {columns}], accumulate {accumulate}";
        Operands operands = new(rows, columns, hasBias);
        using GuardedMemory memory = new();
        float[] y = operands.Forward(memory, pool, out float* mean, out float* inverse);
        LayerNormReference reference = operands.Reference;
        // The mean of C terms, and a few operations.
        double error = Closeness.ShouldMatch(y, reference.Forward(), columns + 8, $"y {what}");

        float[] before = Values.Normal(rows * columns, 6);
        float* x = accumulate ? memory.Copy(before) : memory.New(rows * columns);
        float* weight = accumulate ? memory.Copy(before.AsSpan(0, columns)) : memory.New(columns);
        float* bias = accumulate ? memory.Copy(before.AsSpan(0, columns)) : memory.New(columns);
        operands.Backward(memory, pool, mean, inverse, x, weight, bias, accumulate);
        memory.ShouldBeIntact();
        (ReferenceResult xGrad, ReferenceResult weightGrad, ReferenceResult biasGrad) = reference.Backward(operands.YGrad);
        if (accumulate)
        {
            xGrad.Plus(before);
            weightGrad.Plus(before.AsSpan(0, columns));
            biasGrad.Plus(before.AsSpan(0, columns));
        }

        // Means of C products, each with the forward pass's error; sums over R rows.
        double gradError = Closeness.ShouldMatch(new Span<float>(x, rows * columns), xGrad, 3 * columns + 24, $"dx {what}");
        gradError = Math.Max(gradError, Closeness.ShouldMatch(new Span<float>(weight, columns), weightGrad, rows + columns + 16, $"dweight {what}"));
        gradError = Math.Max(gradError, Closeness.ShouldMatch(new Span<float>(bias, columns), biasGrad, rows + 2, $"dbias {what}"));
        return (error, gradError);
    }

    private sealed class Operands
    {
        private readonly float[] _x, _weight;
        private readonly float[]? _bias;
        private readonly int _rows, _columns;

        public Operands(int rows, int columns, bool hasBias)
        {
            (_rows, _columns) = (rows, columns);
            _x = Values.Normal(rows * columns, (ulong)columns, mean: 0.5);
            _weight = Values.Normal(columns, 2);
            _bias = hasBias ? Values.Normal(columns, 3) : null;
            YGrad = Values.Normal(rows * columns, 4);
        }

        public float[] YGrad { get; }

        public LayerNormReference Reference => new(_x, _weight, _bias, Epsilon, _columns);

        public float[] Forward(GuardedMemory memory, WorkerPool pool, out float* mean, out float* inverse)
        {
            float* y = memory.New(_rows * _columns);
            mean = memory.New(_rows);
            inverse = memory.New(_rows);
            LayerNormKernel.Forward(
                memory.Copy(_x), memory.Copy(_weight), _bias is null ? null : memory.Copy(_bias), Epsilon, _rows, _columns, y, mean, inverse, pool);
            memory.ShouldBeIntact();
            return new Span<float>(y, _rows * _columns).ToArray();
        }

        public void Backward(
            GuardedMemory memory, WorkerPool pool, float* mean, float* inverse, float* x, float* weight, float* bias, bool accumulate) =>
            LayerNormKernel.Backward(
                memory.Copy(_x), memory.Copy(_weight), mean, inverse, memory.Copy(YGrad), _rows, _columns, x, accumulate, weight, accumulate, bias, accumulate,
                memory.New((int)LayerNormKernel.BackwardWorkspace(_rows, _columns)), pool);
    }
}
