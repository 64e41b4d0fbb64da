using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class ElementwiseKernelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(13)]
    [InlineData(32)]
    [InlineData(65)]
    [InlineData(4097)]
    [InlineData(9000)]
    public void DropoutAdd_is_exactly_mask_times_x_plus_addend(int count)
    {
        using WorkerPool pool = new(2);
        float[] x = Values.Normal(count, 1), addend = Values.Normal(count, 2);
        foreach (Dropout dropout in (ReadOnlySpan<Dropout>)[Dropout.None, new Dropout(0.3f, 9)])
        {
            using GuardedMemory memory = new();
            float* alone = memory.New(count), added = memory.New(count), accumulated = memory.Copy(addend), inPlace = memory.Copy(x);
            float* source = memory.Copy(x);
            ElementwiseKernel.DropoutAdd(source, dropout, null, count, alone, pool);
            ElementwiseKernel.DropoutAdd(source, dropout, memory.Copy(addend), count, added, pool);
            ElementwiseKernel.DropoutAdd(source, dropout, accumulated, count, accumulated, pool);
            ElementwiseKernel.DropoutAdd(inPlace, dropout, null, count, inPlace, pool);
            memory.ShouldBeIntact();

            float[] expected = [.. x.Select((value, i) => value * (dropout.Active ? dropout.Mask<Lanes1>((uint)i).Sum() : 1))];
            float[] sums = [.. expected.Select((value, i) => value + addend[i])];
            Closeness.ShouldBeSameBits(new Span<float>(alone, count), expected, "alone");
            Closeness.ShouldBeSameBits(new Span<float>(inPlace, count), expected, "in place");
            Closeness.ShouldBeSameBits(new Span<float>(added, count), sums, "with an addend");
            Closeness.ShouldBeSameBits(new Span<float>(accumulated, count), sums, "accumulated");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(65)]
    [InlineData(9000)]
    public void Scale_is_exactly_factor_times_x_plus_addend(int count)
    {
        using WorkerPool pool = new(2);
        using GuardedMemory memory = new();
        float[] x = Values.Normal(count, 1), addend = Values.Normal(count, 2);
        float* alone = memory.New(count), accumulated = memory.Copy(addend), inPlace = memory.Copy(x);
        ElementwiseKernel.Scale(memory.Copy(x), 0.3f, null, count, alone, pool);
        ElementwiseKernel.Scale(memory.Copy(x), 0.3f, accumulated, count, accumulated, pool);
        ElementwiseKernel.Scale(inPlace, 0.3f, null, count, inPlace, pool);
        memory.ShouldBeIntact();

        float[] expected = [.. x.Select(value => value * 0.3f)];
        Closeness.ShouldBeSameBits(new Span<float>(alone, count), expected, "alone");
        Closeness.ShouldBeSameBits(new Span<float>(inPlace, count), expected, "in place");
        Closeness.ShouldBeSameBits(new Span<float>(accumulated, count), [.. expected.Select((value, i) => value + addend[i])], "accumulated");
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() =>
        ThreadCounts.ShouldNotMatter("dropout", pool =>
        {
            using GuardedMemory memory = new();
            float* y = memory.New(20_001);
            ElementwiseKernel.DropoutAdd(memory.Copy(Values.Normal(20_001, 1)), new Dropout(0.5f, 1), null, 20_001, y, pool);
            return new Span<float>(y, 20_001).ToArray();
        });
}
