using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class FiniteKernelTests
{
    public static TheoryData<int, int, float> Places
    {
        get
        {
            TheoryData<int, int, float> places = [];
            foreach (int count in (ReadOnlySpan<int>)[3, 15, 16, 17, 33, 600_001])
            {
                foreach (int at in (ReadOnlySpan<int>)[0, count / 2, count - 1])
                {
                    places.Add(count, at, float.NaN);
                    places.Add(count, at, float.NegativeInfinity);
                }
            }

            return places;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void The_first_number_that_is_not_finite_is_found(int count, int at, float value)
    {
        using WorkerPool pool = new(2);
        float[] x = [.. Enumerable.Repeat(float.MaxValue, count)];
        Find(x, pool).ShouldBe(-1);
        x[at] = value;
        x[count - 1] = count - 1 == at ? value : float.PositiveInfinity;

        Find(x, pool).ShouldBe(at);

        ushort[] halves = [.. x.Select(v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))];
        fixed (ushort* data = halves)
        {
            FiniteKernel.FirstNonFinite((byte*)data, WeightFormat.BFloat16, count, pool).ShouldBe(at);
        }
    }

    [Fact]
    public void A_scale_that_is_not_finite_is_found_and_bytes_are_not_looked_at()
    {
        using WorkerPool pool = new(2);
        byte[] rows = Int8KernelTests.Rows(5, 70, 1);
        Array.Fill(rows, (byte)0xFF, 2, 32);
        fixed (byte* data = rows)
        {
            FiniteKernel.FirstNonFinite(data, WeightFormat.Int8, 15, pool).ShouldBe(-1);
            *(Half*)(data + 7 * Int8Blocks.Size) = Half.NegativeInfinity;
            FiniteKernel.FirstNonFinite(data, WeightFormat.Int8, 15, pool).ShouldBe(7);
        }
    }

    private static long Find(float[] x, WorkerPool pool)
    {
        using PageEnd end = new(x.Length * sizeof(float));
        x.CopyTo(new Span<float>(end.Data, x.Length));
        return FiniteKernel.FirstNonFinite(end.Data, WeightFormat.Float32, x.Length, pool);
    }
}
