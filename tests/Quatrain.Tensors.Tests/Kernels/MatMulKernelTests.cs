using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class MatMulKernelTests(ITestOutputHelper output)
{
    private static readonly int[] Sizes = [1, 7, 8, 9, 11, 12, 13, 31, 32, 33, 63, 65, 100];

    // Deeper than one pass (384), wider than one block of columns (1024), higher than one block of rows (240).
    private static readonly (int M, int N, int K)[] LargeSizes =
        [(5, 3, 384), (13, 33, 385), (7, 65, 800), (3, 1030, 9), (2, 2100, 11), (250, 40, 20), (241, 33, 385), (1, 1, 1153), (800, 35, 257), (70, 1600, 130)];

    private enum Extra
    {
        None,
        Bias,
        Residual,
        BiasAndAccumulate,
    }

    public static TheoryData<bool, bool> Forms => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_agrees_with_the_reference_at_awkward_sizes(bool aTransposed, bool bTransposed)
    {
        using WorkerPool pool = new(2);
        int count = 0;
        double worst = 0;
        foreach (int m in Sizes)
        {
            foreach (int n in Sizes)
            {
                foreach (int k in Sizes)
                {
                    // Each form takes every fourth depth, so that every height meets every width in every form.
                    if (count++ % 4 == (aTransposed ? 2 : 0) + (bTransposed ? 1 : 0))
                    {
                        worst = Math.Max(worst, Compare(aTransposed, bTransposed, m, n, k, (Extra)(count / 4 % 4), pool));
                    }
                }
            }
        }

        output.WriteLine($"worst relative error {worst:E1}");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_agrees_with_the_reference_beyond_its_block_sizes(bool aTransposed, bool bTransposed)
    {
        using WorkerPool pool = new(2);
        double worst = 0;
        foreach ((int m, int n, int k) in LargeSizes)
        {
            foreach (Extra extra in Enum.GetValues<Extra>())
            {
                worst = Math.Max(worst, Compare(aTransposed, bTransposed, m, n, k, extra, pool));
            }
        }

        output.WriteLine($"worst relative error {worst:E1}");
    }

    /// <summary>What no machine at hand can show: with many workers, none gets much more of a GPT-2's products than its share.</summary>
    [Theory]
    [InlineData(256, 2304, 768)]
    [InlineData(256, 768, 3072)]
    [InlineData(768, 3072, 256)]
    [InlineData(256, 50257, 768)]
    [InlineData(50257, 768, 256)]
    [InlineData(2048, 1536, 384)]
    [InlineData(384, 384, 2048)]
    public void Up_to_64_workers_share_a_product_out_evenly(int m, int n, int k)
    {
        const int Rows = 12, Columns = 32;
        foreach (int workers in (ReadOnlySpan<int>)[2, 4, 8, 16, 32, 64])
        {
            (int gridRows, int gridColumns) = MatMulKernel.Grid(m, n, Rows, Columns, workers);
            long tiles = (long)Tiles(m, Rows) * Tiles(n, Columns);
            long most = (long)Tiles(Tiles(m, Rows), gridRows) * Tiles(Tiles(n, Columns), gridColumns);
            double evenness = (double)tiles / workers / most;
            output.WriteLine($"[{m}, {k}] x [{k}, {n}], {workers} workers: {gridRows} x {gridColumns} rectangles, the largest is {1 / evenness:F2} of an even share");
            evenness.ShouldBeGreaterThan(0.85, $"{workers} workers");
        }

        static int Tiles(int count, int size) => (count + size - 1) / size;
    }

    /// <summary>More results than are summed up at a time, in more than one pass; a sample of them, because the reference is slow.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_agrees_with_the_reference_beyond_the_results_it_keeps_at_hand(bool aTransposed, bool bTransposed)
    {
        const int M = 700, N = 1201, K = 258;
        using WorkerPool pool = new(2);
        float[] a = Values.Normal(M * K, 1), b = Values.Normal(K * N, 2), bias = Values.Normal(N, 3);
        float[] product = Product(a, aTransposed, b, bTransposed, M, N, K, bias, pool);
        for (int i = 0; i < M * N; i += 97)
        {
            (int m, int n) = int.DivRem(i, N);
            double sum = bias[n], size = Math.Abs(bias[n]);
            for (int k = 0; k < K; k++)
            {
                double term = (double)a[aTransposed ? k * M + m : m * K + k] * b[bTransposed ? n * K + k : k * N + n];
                sum += term;
                size += Math.Abs(term);
            }

            Math.Abs(product[i] - sum).ShouldBeLessThan((K + 8) * 6e-8 * size, $"row {m}, column {n}");
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(13, 65, 300)]
    [InlineData(400, 40, 20)]
    [InlineData(40, 400, 257)]
    public void An_activated_product_is_the_product_and_then_the_activation(int m, int n, int k)
    {
        using WorkerPool pool = new(2);
        float[] a = Values.Normal(m * k, 1), b = Values.Normal(k * n, 2), bias = Values.Normal(n, 3);
        float[] product = Product(a, false, b, false, m, n, k, bias, pool), activated = new float[m * n];
        using GuardedMemory memory = new();
        float* c = memory.New(m * n), y = memory.New(m * n);
        Operand left = new(memory.Copy(a), k), right = new(memory.Copy(b), n);
        float* pBias = memory.Copy(bias);
        fixed (float* expected = product, result = activated)
        {
            ActivationKernel.Forward<GeluTanh>(expected, m * n, result, pool);
        }

        MatMulKernel.Run<GeluTanh>(left, right, m, n, k, new MatMulResult(c, n, pBias, null, 0, activated: y), pool);
        Closeness.ShouldBeSameBits(new Span<float>(c, m * n).ToArray(), product, "the product");
        Close(new Span<float>(y, m * n).ToArray(), activated);
        MatMulKernel.Run<GeluTanh>(left, right, m, n, k, new MatMulResult(c, n, pBias, null, 0, activated: c), pool);
        Closeness.ShouldBeSameBits(new Span<float>(c, m * n).ToArray(), new Span<float>(y, m * n), "in place");
        memory.ShouldBeIntact();

        // The last elements of a row are done one by one, and then not with the same instructions.
        static void Close(float[] actual, float[] expected)
        {
            for (int i = 0; i < actual.Length; i++)
            {
                Math.Abs(actual[i] - expected[i]).ShouldBeLessThanOrEqualTo(1e-6f * Math.Max(1, Math.Abs(expected[i])), $"element {i}");
            }
        }
    }

    [Fact]
    public void A_sum_without_terms_is_bias_plus_addend()
    {
        using WorkerPool pool = new(1);
        using GuardedMemory memory = new();
        float* c = memory.New(6);
        float* bias = memory.Copy([1f, 2, 3]);
        float* addend = memory.Copy([10f, 20, 30, 40, 50, 60]);

        MatMulKernel.Multiply(new Operand(null, 0), new Operand(null, 3), 2, 3, 0, bias, addend, 3, c, 3, pool);

        new Span<float>(c, 6).ToArray().ShouldBe([11, 22, 33, 41, 52, 63]);
        memory.ShouldBeIntact();
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_row_has_the_same_bits_whatever_the_number_of_rows(bool aTransposed, bool bTransposed)
    {
        const int M = 61, N = 75, K = 800;
        using WorkerPool pool = new(2);
        float[] a = Values.Normal(M * K, 1), b = Values.Normal(K * N, 2), bias = Values.Normal(N, 3);
        float[] all = Product(a, aTransposed, b, bTransposed, M, N, K, bias, pool);
        foreach (int rows in (ReadOnlySpan<int>)[1, 3, 4, 6, 7, 11, 12, 13])
        {
            for (int first = 0; first + rows <= M; first += rows)
            {
                float[] part = new float[rows * K];
                for (int i = 0; i < rows * K; i++)
                {
                    part[i] = aTransposed ? a[i / rows * M + first + i % rows] : a[first * K + i];
                }

                Closeness.ShouldBeSameBits(
                    Product(part, aTransposed, b, bTransposed, rows, N, K, bias, pool), all.AsSpan(first * N, rows * N), $"rows {first} to {first + rows - 1}");
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(65, 100, 33)]
    [InlineData(7, 1100, 385)]
    [InlineData(500, 9, 64)]
    public void The_number_of_threads_does_not_change_a_bit(int m, int n, int k)
    {
        float[] a = Values.Normal(m * k, 1), b = Values.Normal(k * n, 2), bias = Values.Normal(n, 3);
        foreach ((bool aTransposed, bool bTransposed) in (ReadOnlySpan<(bool, bool)>)[(false, false), (false, true), (true, false)])
        {
            ThreadCounts.ShouldNotMatter("matrix product", pool => Product(a, aTransposed, b, bTransposed, m, n, k, bias, pool));
        }
    }

    private static float[] Product(float[] a, bool aTransposed, float[] b, bool bTransposed, int m, int n, int k, float[] bias, WorkerPool pool)
    {
        float[] c = new float[m * n];
        fixed (float* pa = a, pb = b, pBias = bias, pc = c)
        {
            MatMulKernel.Multiply(
                new Operand(pa, aTransposed ? m : k, aTransposed), new Operand(pb, bTransposed ? k : n, bTransposed), m, n, k, pBias, null, 0, pc, n, pool);
        }

        return c;
    }

    /// <summary>Multiplies into rows with gaps, and checks the sums, the gaps and the guards.</summary>
    private static double Compare(bool aTransposed, bool bTransposed, int m, int n, int k, Extra extra, WorkerPool pool)
    {
        const int Gap = 3;
        float[] a = Values.Normal(m * k, (ulong)(m + k)), b = Values.Normal(k * n, (ulong)(n + k + 1000));
        float[]? bias = extra is Extra.Bias or Extra.BiasAndAccumulate ? Values.Normal(n, 3) : null;
        float[]? addend = extra is Extra.Residual or Extra.BiasAndAccumulate ? Values.Normal(m * n, 4) : null;
        int cStride = n + Gap;
        using GuardedMemory memory = new();
        float* c = memory.New(m * cStride);
        float* given = addend is null ? null : extra == Extra.Residual ? memory.Copy(addend) : c;
        for (int i = 0; i < m && extra == Extra.BiasAndAccumulate; i++)
        {
            addend.AsSpan(i * n, n).CopyTo(new Span<float>(c + i * cStride, n));
        }

        MatMulKernel.Multiply(
            new Operand(memory.Copy(a), aTransposed ? m : k, aTransposed), new Operand(memory.Copy(b), bTransposed ? k : n, bTransposed), m, n, k,
            bias is null ? null : memory.Copy(bias), given, extra == Extra.Residual ? n : cStride, c, cStride, pool);

        memory.ShouldBeIntact();
        float[] rows = new float[m * n];
        for (int i = 0; i < m; i++)
        {
            new Span<float>(c + i * cStride, n).CopyTo(rows.AsSpan(i * n));
            for (int gap = 0; gap < Gap; gap++)
            {
                GuardedMemory.IsUntouched(c[i * cStride + n + gap]).ShouldBeTrue($"[{m}, {k}] x [{k}, {n}]: the gap after row {i} was written");
            }
        }

        // K products and sums of one chain, one more for each pass, bias and addend.
        ReferenceResult expected = MatMulReference.Multiply(a, aTransposed, b, bTransposed, m, n, k, bias, addend);
        return Closeness.ShouldMatch(rows, expected, k + 8, $"[{m}, {k}] x [{k}, {n}] {extra}");
    }
}
