using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class EmbeddingKernelTests
{
    private const int BatchSize = 3, Length = 11, Vocabulary = 7, Context = 16;

    private static readonly int[] First = [2, 0, 5];

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(65)]
    [InlineData(100)]
    public void Forward_adds_the_two_rows_and_backward_adds_into_them(int columns)
    {
        using WorkerPool pool = new(2);
        foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
        {
            using GuardedMemory memory = new();
            float[] tokens = Values.Normal(Vocabulary * columns, 1), positions = Values.Normal(Context * columns, 2);
            float[] dy = Values.Normal(BatchSize * Length * columns, 3);
            // The last row of the vocabulary is never used.
            int[] ids = Values.Ids(BatchSize * Length, Vocabulary - 1, 4);
            float* y = memory.New(dy.Length);
            EmbeddingKernel.Forward(
                memory.Copy(ids), memory.Copy(tokens), memory.Copy(positions), memory.Copy(First), BatchSize, Length, columns, y, pool);
            float* tokenGrad = accumulate ? memory.Copy(tokens) : memory.New(tokens.Length);
            float* positionGrad = accumulate ? memory.Copy(positions) : memory.New(positions.Length);
            EmbeddingKernel.Backward(
                memory.Copy(ids), memory.Copy(dy), memory.Copy(First), BatchSize, Length, columns, tokenGrad, accumulate, Vocabulary, positionGrad, accumulate, Context, pool);
            memory.ShouldBeIntact();

            float[] expected = new float[dy.Length];
            ReferenceResult expectedTokens = new(tokens.Length), expectedPositions = new(positions.Length);
            for (int i = 0; i < dy.Length; i++)
            {
                (int row, int column) = int.DivRem(i, columns);
                int token = ids[row] * columns + column, position = (First[row / Length] + row % Length) * columns + column;
                expected[i] = tokens[token] + positions[position];
                expectedTokens.Add(token, dy[i]);
                expectedPositions.Add(position, dy[i]);
            }

            _ = accumulate ? expectedTokens.Plus(tokens) : expectedTokens;
            _ = accumulate ? expectedPositions.Plus(positions) : expectedPositions;
            Closeness.ShouldBeSameBits(new Span<float>(y, dy.Length), expected, "y");
            Closeness.ShouldMatch(new Span<float>(tokenGrad, tokens.Length), expectedTokens, BatchSize * Length + 1, "token gradient");
            Closeness.ShouldMatch(new Span<float>(positionGrad, positions.Length), expectedPositions, BatchSize + 1, "position gradient");
        }
    }

    [Fact]
    public void A_gradient_that_is_not_wanted_does_not_change_the_other()
    {
        const int Columns = 40;
        using WorkerPool pool = new(2);
        using GuardedMemory memory = new();
        int* ids = memory.Copy(Values.Ids(BatchSize * Length, Vocabulary, 4));
        float* dy = memory.Copy(Values.Normal(BatchSize * Length * Columns, 3));
        float* tokens = memory.New(Vocabulary * Columns), positions = memory.New(Context * Columns);
        float* tokensAlone = memory.New(Vocabulary * Columns), positionsAlone = memory.New(Context * Columns);
        EmbeddingKernel.Backward(ids, dy, null, BatchSize, Length, Columns, tokens, false, Vocabulary, positions, false, Context, pool);
        EmbeddingKernel.Backward(ids, dy, null, BatchSize, Length, Columns, tokensAlone, false, Vocabulary, null, false, Context, pool);
        EmbeddingKernel.Backward(ids, dy, null, BatchSize, Length, Columns, null, false, Vocabulary, positionsAlone, false, Context, pool);

        memory.ShouldBeIntact();
        Closeness.ShouldBeSameBits(new Span<float>(tokensAlone, Vocabulary * Columns), new Span<float>(tokens, Vocabulary * Columns), "tokens");
        Closeness.ShouldBeSameBits(new Span<float>(positionsAlone, Context * Columns), new Span<float>(positions, Context * Columns), "positions");
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() =>
        ThreadCounts.ShouldNotMatter("embedding", pool =>
        {
            const int Columns = 200;
            using GuardedMemory memory = new();
            int* ids = memory.Copy(Values.Ids(BatchSize * Length, Vocabulary, 4));
            float* tokens = memory.Copy(Values.Normal(Vocabulary * Columns, 1)), positions = memory.Copy(Values.Normal(Context * Columns, 2));
            float* y = memory.New(BatchSize * Length * Columns), tokenGrad = memory.New(Vocabulary * Columns), positionGrad = memory.New(Context * Columns);
            EmbeddingKernel.Forward(ids, tokens, positions, memory.Copy(First), BatchSize, Length, Columns, y, pool);
            EmbeddingKernel.Backward(ids, y, memory.Copy(First), BatchSize, Length, Columns, tokenGrad, false, Vocabulary, positionGrad, false, Context, pool);
            return
            [
                .. new Span<float>(y, BatchSize * Length * Columns), .. new Span<float>(tokenGrad, Vocabulary * Columns),
                .. new Span<float>(positionGrad, Context * Columns),
            ];
        });
}
