using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests.Ops;

/// <summary>What the ops refuse, and how they say it: the op, the operand, both shapes.</summary>
public sealed class OpChecksTests : IDisposable
{
    private readonly WorkerPool _pool = new(1);
    private readonly Tape _tape;

    public OpChecksTests() => _tape = new Tape(_pool, recording: true);

    public void Dispose()
    {
        _tape.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void Linear_names_the_operand_and_both_shapes()
    {
        Tensor x = New(2, 5), weight = New(5, 3);
        Refused(() => LinearOp.Forward(_tape, New(2, 4), weight), "LinearOp: x is [2, 4]; its last size must be 5.");
        Refused(() => LinearOp.ForwardTransposed(_tape, x, weight), "LinearOp: x is [2, 5]; its last size must be 3.");
        Refused(() => LinearOp.Forward(_tape, x, New(5)), "LinearOp: weight is [5]; it must have 2 dimensions.");
        Refused(() => LinearOp.Forward(_tape, x, weight, New(4)), "LinearOp: bias is [4]; it must be [3].");
        Refused(() => LinearOp.Forward(_tape, x, weight, New(3), New(3, 3)), "LinearOp: residual is [3, 3]; it must be [2, 3].");
    }

    [Fact]
    public void Layer_norm_and_residual_add_name_the_operand_and_both_shapes()
    {
        Refused(() => LayerNormOp.Forward(_tape, New(2, 5), New(4), null, 1e-5f), "LayerNormOp: weight is [4]; it must be [5].");
        Refused(() => LayerNormOp.Forward(_tape, New(2, 5), New(5), New(1, 5), 1e-5f), "LayerNormOp: bias is [1, 5]; it must be [5].");
        Refused(() => ResidualAddOp.Forward(_tape, New(2, 5), New(5, 2)), "ResidualAddOp: branch is [5, 2]; it must be [2, 5].");
        Refused(() => WeightedSumOp.Forward(_tape, New(2, 5), [1, 2]), "WeightedSumOp: 2 weights for x [2, 5]; there must be one an element, 10.");
    }

    [Fact]
    public void Embedding_refuses_ids_and_positions_out_of_range()
    {
        Tensor tokens = New(10, 4), positions = New(6, 4);
        Refused(() => EmbeddingOp.Forward(_tape, [0, 10], 1, tokens, positions), "EmbeddingOp: ids[1] is 10; it must lie in [0, 10).");
        Refused(() => EmbeddingOp.Forward(_tape, [-1], 1, tokens, positions), "EmbeddingOp: ids[0] is -1; it must lie in [0, 10).");
        Refused(() => EmbeddingOp.Forward(_tape, [1, 2, 3], 2, tokens, positions), "EmbeddingOp: 3 ids don't fill 2 sequences of one length.");
        Refused(() => EmbeddingOp.Forward(_tape, [], 1, tokens, positions), "EmbeddingOp: 0 ids don't fill 1 sequences of one length.");
        Refused(
            () => EmbeddingOp.Forward(_tape, [1, 2], 1, tokens, positions, firstPositions: [5]),
            "EmbeddingOp: positions 5 to 6 exceed the context of 6 tokens.");
        Refused(() => EmbeddingOp.Forward(_tape, [1], 1, tokens, New(6, 5)), "EmbeddingOp: position table is [6, 5]; its last size must be 4.");
        Refused(() => EmbeddingOp.Forward(_tape, [1], 1, New(10), positions), "EmbeddingOp: token table is [10]; it must have 2 dimensions.");
    }

    [Fact]
    public void Cross_entropy_refuses_targets_out_of_range()
    {
        Tensor logits = New(2, 5);
        Refused(() => CrossEntropyOp.Forward(_tape, logits, [1]), "CrossEntropyOp: 1 targets for logits [2, 5]; there must be one a row, 2.");
        Refused(() => CrossEntropyOp.Forward(_tape, logits, [1, 5]), "CrossEntropyOp: targets[1] is 5; it must lie in [0, 5).");
        Refused(() => CrossEntropyOp.Forward(_tape, logits, [-2, 0]), "CrossEntropyOp: targets[0] is -2; it must lie in [0, 5).");
    }

    [Fact]
    public void Attention_refuses_widths_that_are_no_three_times_the_heads()
    {
        Refused(
            () => CausalAttentionOp.Forward(_tape, New(1, 2, 30), 4),
            "CausalAttentionOp: qkv is [1, 2, 30]; its last size must be three times a multiple of 4 heads.");
        Refused(
            () => CausalAttentionOp.Forward(_tape, New(1, 2, 30), 0),
            "CausalAttentionOp: qkv is [1, 2, 30]; its last size must be three times a multiple of 0 heads.");
        Refused(() => CausalAttentionOp.Forward(_tape, New(2, 30), 5), "CausalAttentionOp: qkv is [2, 30]; it must have 3 dimensions.");
    }

    [Fact]
    public void Dropout_and_activation_refuse_what_they_do_not_know()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => DropoutOp.Forward(_tape, New(2), 1));
        Should.Throw<ArgumentOutOfRangeException>(() => DropoutOp.Forward(_tape, New(2), -0.5f));
        Should.Throw<ArgumentOutOfRangeException>(() => CausalAttentionOp.Forward(_tape, New(1, 2, 30), 5, dropoutRate: 2));
        Should.Throw<ArgumentOutOfRangeException>(() => ActivationOp.Forward(_tape, New(2), (Activation)99));
    }

    [Fact]
    public void SelectRows_takes_rows_that_ascend()
    {
        Tensor x = Counted(2, 3, 2);

        Tensor y = SelectRowsOp.Forward(_tape, x, [1, 4]);

        y.Shape.ShouldBe(new Shape(2, 1, 2));
        y.Values.ToArray().ShouldBe([2, 3, 8, 9]);
        Refused(() => SelectRowsOp.Forward(_tape, x, []), "SelectRowsOp: no row is selected; name at least one.");
        Refused(() => SelectRowsOp.Forward(_tape, x, [6]), "SelectRowsOp: rows[0] is 6; it must lie in [0, 6).");
        Refused(() => SelectRowsOp.Forward(_tape, x, [-1]), "SelectRowsOp: rows[0] is -1; it must lie in [0, 6).");
        Refused(() => SelectRowsOp.Forward(_tape, x, [2, 2]), "SelectRowsOp: rows[1] is 2 after 2; rows must ascend.");
    }

    [Fact]
    public void MeanPool_leaves_padding_out()
    {
        Tensor x = Counted(2, 3, 2);
        x.Values[10..].Fill(float.NaN);

        Tensor y = MeanPoolOp.Forward(_tape, x, [3, 2]);

        y.Shape.ShouldBe(new Shape(2, 1, 2));
        y.Values.ToArray().ShouldBe([2, 3, 7, 8]);
        Refused(() => MeanPoolOp.Forward(_tape, x, [3]), "MeanPoolOp: 1 lengths for x [2, 3, 2]; there must be one a sequence, 2.");
        Refused(() => MeanPoolOp.Forward(_tape, x, [3, 0]), "MeanPoolOp: lengths[1] is 0; it must lie in [1, 3].");
        Refused(() => MeanPoolOp.Forward(_tape, x, [4, 1]), "MeanPoolOp: lengths[0] is 4; it must lie in [1, 3].");
    }

    [Fact]
    public void Cross_entropy_refuses_class_weights_that_are_not_one_a_class() => Refused(
        () => CrossEntropyOp.Forward(_tape, New(2, 5), [1, 2], [1, 1]),
        "CrossEntropyOp: 2 class weights for logits [2, 5]; there must be one a class, 5.");

    private static void Refused(Func<Tensor> forward, string message) => Should.Throw<ArgumentException>(forward).Message.ShouldBe(message);

    /// <summary>0, 1, 2, ...</summary>
    private Tensor Counted(params int[] sizes)
    {
        Tensor tensor = New(sizes);
        for (int i = 0; i < tensor.Values.Length; i++)
        {
            tensor.Values[i] = i;
        }

        return tensor;
    }

    private Tensor New(params int[] sizes)
    {
        Tensor tensor = _tape.NewTensor(new Shape(sizes), requiresGradient: true);
        tensor.Values.Clear();
        return tensor;
    }
}
