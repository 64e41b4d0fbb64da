using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;
using Quatrain.Tensors.Verification;

namespace Quatrain.Tensors.Tests;

/// <summary>
/// What the backward pass gives back is not read any more. A tape that uses memory again is compared with one that fills what is given back with
/// NaN and leaves it: had anybody read freed memory, one would have got somebody else's numbers and the other NaN.
/// </summary>
public sealed class FreedMemoryTests
{
    private const int BatchSize = 3, Length = 11, Width = 12, Heads = 3, Vocabulary = 17;

    public static TheoryData<string> Names => [.. OpGradientChecks.All.Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_op_reads_nothing_that_was_freed(string name)
    {
        OpGradientCheck check = OpGradientChecks.All.Single(check => check.Name == name);
        ShouldNotMatter(store =>
        {
            Func<Tape, Tensor> forward = check.Prepare(store);
            return tape =>
            {
                Tensor y = forward(tape);
                if (name.StartsWith("cross entropy", StringComparison.Ordinal))
                {
                    // The only use of its logits.
                    return y;
                }

                // Twice, so that the first op's tensors are freed while the second's are still to go back.
                y = ResidualAddOp.Forward(tape, y, forward(tape));
                return WeightedSumOp.Forward(tape, y, Values.Normal(y.Shape.ElementCount, 3));
            };
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3f)]
    public void Blocks_with_a_shared_residual_stream_read_nothing_that_was_freed(float dropout) =>
        ShouldNotMatter(store => Model(store, layers: 3, dropout));

    /// <summary>The logits' memory becomes their gradient's, and then that of what they were added to.</summary>
    [Fact]
    public void Logits_that_hand_their_gradient_on_give_their_memory_with_it() => ShouldNotMatter(store =>
    {
        Tensor x = store.Add("x", new Shape(6, 5)), weight = store.Add("weight", new Shape(5, 5)), other = store.Add("other", new Shape(5, 5));
        Fill(store);
        return tape =>
        {
            Tensor residual = LinearOp.Forward(tape, x, weight);
            Tensor branch = ActivationOp.Forward(tape, LinearOp.Forward(tape, residual, other), Activation.GeluTanh);
            return CrossEntropyOp.Forward(tape, ResidualAddOp.Forward(tape, residual, branch), [0, 1, 2, 3, 4, 0]);
        };
    });

    private static void ShouldNotMatter(Func<ParameterStore, Func<Tape, Tensor>> declare)
    {
        (float[] used, long bytes) = Gradients(declare, poison: false);
        (float[] poisoned, long poisonedBytes) = Gradients(declare, poison: true);

        used.ShouldAllBe(gradient => float.IsFinite(gradient));
        Closeness.ShouldBeSameBits(used, poisoned, "gradients");
        bytes.ShouldBeLessThanOrEqualTo(poisonedBytes);
    }

    private static (float[] Gradients, long Bytes) Gradients(Func<ParameterStore, Func<Tape, Tensor>> declare, bool poison)
    {
        using WorkerPool pool = new(2);
        using ParameterStore store = new();
        Func<Tape, Tensor> forward = declare(store);
        store.AllocateGradients();
        using Tape tape = new(pool, recording: true) { PoisonsWhatIsFreed = poison };
        for (int step = 0; step < 2; step++)
        {
            store.ForgetGradients();
            tape.Begin(7);
            Tensor loss = forward(tape);
            float value = loss.Values[0];
            tape.Backward(loss);
            loss.Values[0].ShouldBe(value);
        }

        return ([.. store.Parameters.SelectMany(parameter => parameter.Tensor.Gradient.ToArray())], tape.BytesUsed);
    }

    private static Func<Tape, Tensor> Model(ParameterStore store, int layers, float dropout)
    {
        Tensor tokens = store.Add("tokens", new Shape(Vocabulary, Width)), positions = store.Add("positions", new Shape(Length, Width));
        (Tensor Scale, Tensor Attention, Tensor Projection, Tensor Up, Tensor Down)[] blocks =
        [
            .. Enumerable.Range(0, layers).Select(layer => (
                store.Add($"{layer}.scale", new Shape(Width)), store.Add($"{layer}.attention", new Shape(Width, 3 * Width)),
                store.Add($"{layer}.projection", new Shape(Width, Width)), store.Add($"{layer}.up", new Shape(Width, 4 * Width)),
                store.Add($"{layer}.down", new Shape(4 * Width, Width)))),
        ];
        Fill(store);
        int[] ids = Values.Ids(BatchSize * Length, Vocabulary, 1), targets = Values.Ids(BatchSize * Length, Vocabulary, 2);
        return tape =>
        {
            Tensor x = DropoutOp.Forward(tape, EmbeddingOp.Forward(tape, ids, BatchSize, tokens, positions), dropout);
            foreach ((Tensor scale, Tensor attention, Tensor projection, Tensor up, Tensor down) in blocks)
            {
                Tensor y = LinearOp.Forward(tape, LayerNormOp.Forward(tape, x, scale, null, 1e-5f), attention);
                y = LinearOp.Forward(tape, CausalAttentionOp.Forward(tape, y, Heads, dropout), projection);
                x = ResidualAddOp.Forward(tape, x, DropoutOp.Forward(tape, y, dropout));
                y = LinearOp.Forward(tape, LayerNormOp.Forward(tape, x, scale, null, 1e-5f), up);
                x = LinearOp.Forward(tape, ActivationOp.Forward(tape, y, Activation.GeluExact), down, residual: x);
            }

            return CrossEntropyOp.Forward(tape, LinearOp.ForwardTransposed(tape, x, tokens), targets);
        };
    }

    private static void Fill(ParameterStore store)
    {
        store.Allocate();
        ulong seed = 0;
        foreach (Parameter parameter in store.Parameters)
        {
            Values.Normal(parameter.Tensor.Shape.ElementCount, ++seed, deviation: 0.4).CopyTo(parameter.Tensor.Values);
        }
    }
}
