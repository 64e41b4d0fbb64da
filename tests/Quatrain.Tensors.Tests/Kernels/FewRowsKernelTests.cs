using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

/// <summary>Sums against the reference are in <see cref="MatMulKernelTests"/>, whose products of up to 8 rows come here; this is about what must be equal.</summary>
public sealed unsafe class FewRowsKernelTests
{
    private static readonly int[] Widths = [1, 7, 8, 9, 31, 32, 33, 63, 65, 257, 385];
    private static readonly int[] Depths = [1, 7, 8, 9, 255, 257, 385, 700, 800];

    public static TheoryData<bool, bool> Forms => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    /// <summary>One row more than it takes on goes through tiles: the rows that both compute must have the same bits.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Up_to_eight_rows_have_the_bits_that_tiles_give_them(bool transposed, bool isBFloat16)
    {
        using WorkerPool pool = new(2);
        foreach (int n in Widths)
        {
            foreach (int k in Depths)
            {
                float[] all = Product(FewRowsKernel.MostRows + 1, n, k, transposed, isBFloat16, pool);
                foreach (int rows in (ReadOnlySpan<int>)[1, 2, 3, 5, FewRowsKernel.MostRows])
                {
                    Closeness.ShouldBeSameBits(Product(rows, n, k, transposed, isBFloat16, pool), all.AsSpan(0, rows * n), $"{rows} rows, [{k}, {n}]");
                }
            }
        }
    }

    /// <summary>Rows this long are shared out by columns, and shorter ones by passes over K.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Long_rows_have_the_bits_that_tiles_give_them(bool isBFloat16)
    {
        const int N = 8229, K = 393;
        using WorkerPool pool = new(2);
        float[] all = Product(FewRowsKernel.MostRows + 1, N, K, false, isBFloat16, pool);
        foreach (int rows in (ReadOnlySpan<int>)[1, 3])
        {
            Closeness.ShouldBeSameBits(Product(rows, N, K, false, isBFloat16, pool), all.AsSpan(0, rows * N), $"{rows} rows");
        }
    }

    /// <summary>Passes over K enough that a worker has three whole ones, which go side by side.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Passes_side_by_side_have_the_bits_that_tiles_give_them(int threads)
    {
        using WorkerPool pool = new(threads);
        foreach ((int n, int k) in (ReadOnlySpan<(int, int)>)[(7, 1543), (65, 1543), (256, 2304), (769, 2311)])
        {
            foreach (bool isBFloat16 in (ReadOnlySpan<bool>)[false, true])
            {
                float[] all = Product(FewRowsKernel.MostRows + 1, n, k, false, isBFloat16, pool);
                Closeness.ShouldBeSameBits(Product(1, n, k, false, isBFloat16, pool), all.AsSpan(0, n), $"[{k}, {n}]");
            }
        }
    }

    /// <summary>32, 64 and 128 columns fit in 4 or 8 registers of some width, the others in none.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(48)]
    [InlineData(64)]
    [InlineData(80)]
    [InlineData(128)]
    public void A_row_alone_has_the_bits_that_tiles_give_it(int n)
    {
        using WorkerPool pool = new(1);
        foreach (int k in (ReadOnlySpan<int>)[1, 3, 64, 383])
        {
            foreach (bool transposed in (ReadOnlySpan<bool>)[false, true])
            {
                float[] all = Product(FewRowsKernel.MostRows + 1, n, k, transposed, false, pool, hasBias: false);
                using GuardedMemory memory = new();
                RowAlone row = new()
                {
                    A = memory.Copy(Values.Normal((FewRowsKernel.MostRows + 1) * k, 1)),
                    B = new Operand(memory.Copy(Values.Normal(n * k, 2)), transposed ? k : n, transposed),
                    N = n,
                    K = k,
                    C = memory.New(n),
                    Sums = memory.New(n),
                };
                pool.Run(row, 1);
                memory.ShouldBeIntact();
                Closeness.ShouldBeSameBits(new Span<float>(row.C, n), all.AsSpan(0, n), $"[{k}, {n}]");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_number_of_threads_does_not_change_a_bit(bool transposed, bool isBFloat16) =>
        ThreadCounts.ShouldNotMatter("few rows", pool => Product(3, 391, 517, transposed, isBFloat16, pool));

    /// <summary>Widening is exact, so nothing but the rounding of the weights may differ from float32.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(8, false)]
    [InlineData(8, true)]
    [InlineData(40, false)]
    [InlineData(40, true)]
    [InlineData(1, true)]
    public void Bfloat16_weights_give_the_bits_of_the_rounded_weights_in_float32(int m, bool transposed)
    {
        using WorkerPool pool = new(2);
        foreach ((int n, int k) in (ReadOnlySpan<(int, int)>)[(1, 1), (33, 385), (257, 63), (400, 300), (7, 1153)])
        {
            float[] a = Values.Normal(m * k, 1), b = Values.Normal(n * k, 2), bias = Values.Normal(n, 3);
            ushort[] halves = BFloat16Reference.Round(b);
            float[] rounded = [.. halves.Select(BFloat16Reference.Widen)];
            fixed (ushort* data = halves)
            fixed (float* floats = rounded)
            {
                Closeness.ShouldBeSameBits(
                    Run(a, new Operand(data, transposed ? k : n, transposed, isBFloat16: true), m, n, k, bias, pool),
                    Run(a, new Operand(floats, transposed ? k : n, transposed), m, n, k, bias, pool), $"[{m}, {k}] x [{k}, {n}]");
            }
        }
    }

    [Fact]
    public void An_activated_product_of_few_rows_is_that_of_many()
    {
        const int N = 83, K = 300;
        using WorkerPool pool = new(2);
        float[] a = Values.Normal(9 * K, 1), b = Values.Normal(N * K, 2), bias = Values.Normal(N, 3);
        Closeness.ShouldBeSameBits(Activated(2), Activated(9).AsSpan(0, 2 * N), "activated");

        float[] Activated(int m)
        {
            float[] c = new float[m * N], y = new float[m * N];
            fixed (float* pa = a, pb = b, pBias = bias, pc = c, py = y)
            {
                MatMulKernel.Run<GeluTanh>(new Operand(pa, K), new Operand(pb, N), m, N, K, new MatMulResult(pc, N, pBias, null, 0, py), pool);
            }

            return y;
        }
    }

    private static float[] Product(int m, int n, int k, bool transposed, bool isBFloat16, WorkerPool pool, bool hasBias = true)
    {
        float[] a = Values.Normal((FewRowsKernel.MostRows + 1) * k, 1)[..(m * k)], b = Values.Normal(n * k, 2), bias = hasBias ? Values.Normal(n, 3) : new float[n];
        ushort[] halves = BFloat16Reference.Round(b);
        // The last page of the weights ends where they do: whoever reads on does not come back.
        using PageEnd end = new(isBFloat16 ? halves.Length * sizeof(ushort) : b.Length * sizeof(float));
        if (isBFloat16)
        {
            halves.CopyTo(new Span<ushort>(end.Data, halves.Length));
        }
        else
        {
            b.CopyTo(new Span<float>(end.Data, b.Length));
        }

        return Run(a, new Operand(end.Data, transposed ? k : n, transposed, isBFloat16), m, n, k, bias, pool);
    }

    private static float[] Run(float[] a, Operand b, int m, int n, int k, float[] bias, WorkerPool pool)
    {
        using GuardedMemory memory = new();
        float* c = memory.New(m * n);
        MatMulKernel.Multiply(new Operand(memory.Copy(a), k), b, m, n, k, memory.Copy(bias), null, 0, c, n, pool);
        memory.ShouldBeIntact();
        return new Span<float>(c, m * n).ToArray();
    }

    private struct RowAlone : IWork
    {
        public float* A, C, Sums;
        public Operand B;
        public int N, K;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V> => FewRowsKernel.MultiplyRow<V>(A, B, N, K, C, Sums);
    }
}
