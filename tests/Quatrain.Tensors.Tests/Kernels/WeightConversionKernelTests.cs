using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class WeightConversionKernelTests
{
    private static readonly (int Rows, int Columns)[] Sizes = [(1, 1), (1, 33), (33, 1), (7, 65), (64, 31), (65, 100), (100, 257)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Bfloat16_numbers_are_the_nearest(bool transpose)
    {
        foreach ((int rows, int columns) in Sizes)
        {
            float[] weights = Values.Normal(rows * columns, 1);
            byte[] stored = Convert(weights, rows, columns, transpose, WeightFormat.BFloat16);
            ushort[] expected = BFloat16Reference.Round(transpose ? Transpose(weights, rows, columns) : weights);

            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(stored).ToArray().ShouldBe(expected, $"[{rows}, {columns}]");
        }
    }

    [Fact]
    public void Ties_go_to_the_even_neighbour()
    {
        // 1 + 2^-8 lies between 1 (even) and 1 + 2^-7; 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6 (even).
        byte[] stored = Convert([1 + 1 / 256f, 1 + 3 / 256f, -(1 + 1 / 256f), 0, -0f], 1, 5, false, WeightFormat.BFloat16);

        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(stored).ToArray().Select(BFloat16Reference.Widen).ShouldBe([1, 1 + 1 / 64f, -1, 0, -0f]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Int8_blocks_hold_each_number_to_half_a_step(bool transpose)
    {
        foreach ((int rows, int columns) in Sizes)
        {
            float[] weights = Values.Normal(rows * columns, 1, deviation: 0.02);
            int height = transpose ? columns : rows, width = transpose ? rows : columns;
            float[] expected = transpose ? Transpose(weights, rows, columns) : weights;
            byte[] stored = Convert(weights, rows, columns, transpose, WeightFormat.Int8);
            byte[] floats = new byte[height * width * sizeof(float)];
            using WorkerPool pool = new(2);
            fixed (byte* from = stored, to = floats)
            {
                WeightConversionKernel.Convert(from, WeightFormat.Int8, height, width, false, to, WeightFormat.Float32, pool);
            }

            ReadOnlySpan<float> back = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(floats);
            for (int i = 0; i < height; i++)
            {
                for (int j = 0; j < width; j++)
                {
                    int block = j / 32 * 32;
                    float largest = expected.AsSpan(i * width + block, Math.Min(32, width - block)).ToArray().Max(Math.Abs);
                    // Half a step, and what the scale's own rounding to half precision makes of the largest byte.
                    Math.Abs(back[i * width + j] - expected[i * width + j]).ShouldBeLessThan(largest / 127 * 0.57f + 1e-7f);
                }
            }
        }
    }

    [Fact]
    public void A_block_of_zeros_stays_one() => Convert(new float[64], 1, 64, false, WeightFormat.Int8).ShouldAllBe(b => b == 0);

    /// <summary>The smallest scales that half precision has are coarse: a byte must still not wrap around.</summary>
    [Fact]
    public void The_smallest_weights_keep_their_sign()
    {
        for (float largest = 1e-3f; largest > 1e-7f; largest *= 0.7f)
        {
            float[] weights = new float[32];
            (weights[0], weights[1]) = (largest, -largest);
            byte[] stored = Convert(weights, 1, 32, false, WeightFormat.Int8);

            ((sbyte)stored[2]).ShouldBeInRange((sbyte)0, (sbyte)127);
            ((sbyte)stored[3]).ShouldBeInRange((sbyte)-127, (sbyte)0);
        }
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() => ThreadCounts.ShouldNotMatter("conversion", pool =>
        [.. Convert(Values.Normal(100 * 257, 1), 100, 257, true, WeightFormat.Int8, pool).Select(b => (float)b)]);

    private static byte[] Convert(float[] weights, int rows, int columns, bool transpose, WeightFormat format, WorkerPool? pool = null)
    {
        using WorkerPool two = new(2);
        byte[] stored = new byte[transpose ? WeightMemory.ByteCount(columns, rows, format) : WeightMemory.ByteCount(rows, columns, format)];
        fixed (float* from = weights)
        fixed (byte* to = stored)
        {
            WeightConversionKernel.Convert((byte*)from, WeightFormat.Float32, rows, columns, transpose, to, format, pool ?? two);
        }

        return stored;
    }

    private static float[] Transpose(float[] matrix, int rows, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(i => matrix[i % rows * columns + i / rows])];
}
