using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class Int8KernelTests
{
    [Fact]
    public void Multiply_agrees_with_the_reference_at_awkward_sizes()
    {
        using WorkerPool pool = new(2);
        foreach (int m in (ReadOnlySpan<int>)[1, 2, 5, 8, 9])
        {
            foreach (int n in (ReadOnlySpan<int>)[1, 7, 8, 9, 31, 33, 65])
            {
                foreach (int k in (ReadOnlySpan<int>)[1, 31, 32, 33, 63, 65, 257, 385])
                {
                    float[] x = Values.Normal(m * k, (ulong)k), bias = Values.Normal(n, 3);
                    byte[] rows = Rows(n, k, (ulong)(n + k));
                    Closeness.ShouldMatch(Product(x, rows, m, n, k, bias, pool), Int8Reference.Multiply(x, rows, m, n, k, bias), (k / 32) + 8, $"[{m}, {k}] x [{k}, {n}]");
                }
            }
        }
    }

    /// <summary>The largest bytes there are, and -128, which only a file of another writer holds: sums of 16 bits must not saturate.</summary>
    [Theory]
    [InlineData(127, 1)]
    [InlineData(-127, 1)]
    [InlineData(-128, 1)]
    [InlineData(-128, -1)]
    [InlineData(127, -1)]
    public void The_largest_bytes_do_not_saturate(int weight, int sign)
    {
        const int N = 9, K = 64;
        using WorkerPool pool = new(1);
        byte[] rows = Rows(N, K, 1);
        for (int i = 0; i < rows.Length; i++)
        {
            int place = i % Int8Blocks.Size;
            rows[i] = place < 2 ? BitConverter.GetBytes((Half)1)[place] : (byte)(sbyte)weight;
        }

        float[] x = [.. Enumerable.Repeat(127f * sign, K)];

        Product(x, rows, 1, N, K, new float[N], pool).ShouldAllBe(value => value == 127f * sign * weight * K);
    }

    [Fact]
    public void A_row_has_the_same_bits_whatever_the_number_of_rows()
    {
        const int M = 13, N = 43, K = 391;
        using WorkerPool pool = new(2);
        float[] x = Values.Normal(M * K, 1), bias = Values.Normal(N, 2);
        byte[] rows = Rows(N, K, 3);
        float[] all = Product(x, rows, M, N, K, bias, pool);
        foreach (int count in (ReadOnlySpan<int>)[1, 2, 4, 8])
        {
            Closeness.ShouldBeSameBits(Product(x[..(count * K)], rows, count, N, K, bias, pool), all.AsSpan(0, count * N), $"{count} rows");
        }
    }

    /// <summary>A prompt's rows are more than a kept block of x holds, so that weights are met several times.</summary>
    [Fact]
    public void Rows_of_several_kept_blocks_have_the_bits_of_each_alone()
    {
        const int M = 150, N = 19, K = 3072;
        using WorkerPool pool = new(2);
        float[] x = Values.Normal(M * K, 1), bias = Values.Normal(N, 2);
        byte[] rows = Rows(N, K, 3);
        float[] all = Product(x, rows, M, N, K, bias, pool);
        for (int row = 0; row < M; row++)
        {
            Closeness.ShouldBeSameBits(Product(x[(row * K)..((row + 1) * K)], rows, 1, N, K, bias, pool), all.AsSpan(row * N, N), $"row {row}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public void The_number_of_threads_does_not_change_a_bit(int m) =>
        ThreadCounts.ShouldNotMatter("int8", pool => Product(Values.Normal(m * 257, 1), Rows(75, 257, 2), m, 75, 257, Values.Normal(75, 3), pool));

    [Fact]
    public void The_last_columns_which_are_computed_apart_have_the_bits_of_the_others()
    {
        const int N = 16, K = 290;
        using WorkerPool pool = new(1);
        float[] x = Values.Normal(K, 1);
        byte[] rows = Rows(N, K, 2);
        float[] whole = Product(x, rows, 1, N, K, new float[N], pool);

        Closeness.ShouldBeSameBits(Product(x, rows[..(rows.Length / N * 7)], 1, 7, K, new float[7], pool), whole.AsSpan(0, 7), "seven columns");
    }

    [Fact]
    public void A_residual_is_added_and_an_activation_applied()
    {
        const int M = 2, N = 11, K = 40;
        using WorkerPool pool = new(2);
        float[] x = Values.Normal(M * K, 1), residual = Values.Normal(M * N, 4), sums = Product(x, Rows(N, K, 2), M, N, K, new float[N], pool);
        float[] c = new float[M * N], y = new float[M * N];
        byte[] rows = Rows(N, K, 2);
        float[] workspace = new float[Int8Kernel.WorkspaceSize(M, K)];
        fixed (float* px = x, pc = c, py = y, pr = residual, work = workspace)
        fixed (byte* blocks = rows)
        {
            Int8Kernel.Multiply<Relu>(px, blocks, M, N, K, new MatMulResult(pc, N, null, pr, N, py), work, pool);
        }

        for (int i = 0; i < M * N; i++)
        {
            c[i].ShouldBe(sums[i] + residual[i]);
            y[i].ShouldBe(Math.Max(c[i], 0));
        }
    }

    internal static byte[] Rows(int n, int k, ulong seed)
    {
        float[] weights = Values.Normal(n * k, seed, deviation: 0.02);
        byte[] rows = new byte[n * Int8Blocks.RowBytes(k)];
        fixed (float* from = weights)
        fixed (byte* to = rows)
        {
            for (int i = 0; i < n; i++)
            {
                Int8Blocks.Store(from + i * k, k, to + i * Int8Blocks.RowBytes(k));
            }
        }

        return rows;
    }

    private static float[] Product(float[] x, byte[] rows, int m, int n, int k, float[] bias, WorkerPool pool)
    {
        using GuardedMemory memory = new();
        using PageEnd end = new(rows.Length);
        rows.CopyTo(new Span<byte>(end.Data, rows.Length));
        float* c = memory.New(m * n), workspace = memory.New((int)Int8Kernel.WorkspaceSize(m, k));
        Int8Kernel.Multiply<Identity>(memory.Copy(x), end.Data, m, n, k, new MatMulResult(c, n, memory.Copy(bias), null, 0, null), workspace, pool);
        memory.ShouldBeIntact();
        return new Span<float>(c, m * n).ToArray();
    }
}
