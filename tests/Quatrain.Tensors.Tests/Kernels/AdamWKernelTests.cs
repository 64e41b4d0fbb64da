using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class AdamWKernelTests
{
    private static readonly AdamWReference Settings = new(0.003, 0.9, 0.99, 1e-8, 0.1, 0.37);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 2)]
    [InlineData(8, 10)]
    [InlineData(13, 1)]
    [InlineData(33, 1000)]
    [InlineData(100, 3)]
    [InlineData(4097, 5)]
    [InlineData(9000, 1)]
    public void Update_agrees_with_the_reference(int count, long step)
    {
        using WorkerPool pool = new(2);
        using GuardedMemory memory = new();
        float[] weights = Values.Normal(count, 1), gradients = Values.Normal(count, 2), first = Values.Normal(count, 3, deviation: 0.1);
        float[] second = [.. Values.Normal(count, 4, deviation: 0.1).Select(v => v * v)];
        gradients[0] = 0;
        float* w = memory.Copy(weights), m = memory.Copy(first), v = memory.Copy(second);
        AdamWPart[] parts = [.. AdamWPart.Of(0, 0, count, decays: true)];
        fixed (AdamWPart* pParts = parts)
        {
            AdamWKernel.Update(w, memory.Copy(gradients), m, v, pParts, parts.Length, Factors(step), pool);
        }

        memory.ShouldBeIntact();

        ReferenceResult expectedW = new(count), expectedM = new(count), expectedV = new(count);
        for (int i = 0; i < count; i++)
        {
            (double weight, double newFirst, double newSecond) = Settings.Update(weights[i], gradients[i], first[i], second[i], step);
            double g = gradients[i] * Settings.ClipScale;
            double firstMagnitude = Math.Abs(Settings.Beta1 * first[i]) + Math.Abs((1 - Settings.Beta1) * g);
            expectedM.Add(i, newFirst, firstMagnitude);
            expectedV.Add(i, newSecond, newSecond);
            // The step is m's terms over the root of v.
            double stepMagnitude = newFirst == 0 ? 0 : Math.Abs(weights[i] * (1 - 0.0003) - weight) * firstMagnitude / Math.Abs(newFirst);
            expectedW.Add(i, weight, Math.Abs(weights[i]) + 4 * stepMagnitude);
        }

        Closeness.ShouldMatch(new Span<float>(m, count), expectedM, 5, "first moment");
        Closeness.ShouldMatch(new Span<float>(v, count), expectedV, 6, "second moment");
        Closeness.ShouldMatch(new Span<float>(w, count), expectedW, 4, "weights");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(33)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(10_000)]
    public void SumSquares_gives_one_sum_a_chunk(int count)
    {
        using WorkerPool pool = new(2);
        using GuardedMemory memory = new();
        float[] x = Values.Normal(count, 1);
        int chunks = Chunks.Count(count);
        double* sums = (double*)memory.New(2 * chunks);
        AdamWPart[] parts = [.. AdamWPart.Of(0, 0, count, decays: false)];
        fixed (AdamWPart* pParts = parts)
        {
            AdamWKernel.SumSquares(memory.Copy(x), pParts, chunks, sums, pool);
        }

        memory.ShouldBeIntact();

        for (int chunk = 0; chunk < chunks; chunk++)
        {
            double expected = x.Skip(chunk * Chunks.Size).Take(Chunks.Size).Sum(value => (double)value * value);
            // Within a chunk the lanes add up in float32.
            sums[chunk].ShouldBe(expected, expected * Chunks.Size * Closeness.Rounding);
        }
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() =>
        ThreadCounts.ShouldNotMatter("AdamW", pool =>
        {
            const int Count = 30_001;
            using GuardedMemory memory = new();
            float* w = memory.Copy(Values.Normal(Count, 1)), g = memory.Copy(Values.Normal(Count, 2));
            float* m = memory.Copy(new float[Count]), v = memory.Copy(new float[Count]), squares = memory.New(2 * Chunks.Count(Count) + 2);
            AdamWPart[] parts = [.. AdamWPart.Of(0, 0, 9_000, decays: true), .. AdamWPart.Of(9_000, 9_000, Count - 9_000, decays: false)];
            fixed (AdamWPart* pParts = parts)
            {
                AdamWKernel.SumSquares(g, pParts, parts.Length, (double*)squares, pool);
                AdamWKernel.Update(w, g, m, v, pParts, parts.Length, Factors(1), pool);
            }

            return [.. new Span<float>(w, Count), .. new Span<float>(m, Count), .. new Span<float>(v, Count), .. new Span<float>(squares, 2 * Chunks.Count(Count))];
        });

    private static AdamWFactors Factors(long step) => new()
    {
        ClipScale = (float)Settings.ClipScale,
        Keep = (float)(1 - Settings.LearningRate * Settings.WeightDecay),
        Beta1 = (float)Settings.Beta1,
        Rest1 = (float)(1 - Settings.Beta1),
        Beta2 = (float)Settings.Beta2,
        Rest2 = (float)(1 - Settings.Beta2),
        StepSize = (float)(Settings.LearningRate / (1 - Math.Pow(Settings.Beta1, step))),
        SecondCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(Settings.Beta2, step))),
        Epsilon = (float)Settings.Epsilon,
    };
}
