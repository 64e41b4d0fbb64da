using Quatrain.Tensors.Ops;

namespace Quatrain.Tensors.Verification;

/// <summary>Checks of the gradients of every op there is; a test fails where an op has none.</summary>
public static class OpGradientChecks
{
    private const int BatchSize = 2, Length = 7, Heads = 3, Width = 12, Inputs = 5, Outputs = 9;

    private static readonly int[] Ids = [3, 0, 3, 10, 7, 3, 1, 2, 2, 10, 4, 0, 9, 5];

    private static readonly int[] Targets = [4, CrossEntropyOp.IgnoreIndex, 0, 8, CrossEntropyOp.IgnoreIndex, 4];

    /// <summary>The cases, in the order of a model's forward pass.</summary>
    public static IReadOnlyList<OpGradientCheck> All { get; } =
    [
        new("embedding", store =>
        {
            (Tensor tokens, Tensor positions) = (store.Add("token table", new Shape(11, Width)), store.Add("position table", new Shape(Length + 1, Width)));
            return tape => EmbeddingOp.Forward(tape, Ids, BatchSize, tokens, positions, firstPositions: [1, 0]);
        }),
        new("layer norm with bias", store =>
        {
            (Tensor x, Tensor weight, Tensor bias) = (Rows(store, "x", Width), store.Add("weight", new Shape(Width)), store.Add("bias", new Shape(Width)));
            return tape => LayerNormOp.Forward(tape, x, weight, bias, 1e-5f);
        }),
        new("layer norm without bias", store =>
        {
            (Tensor x, Tensor weight) = (Rows(store, "x", Width), store.Add("weight", new Shape(Width)));
            return tape => LayerNormOp.Forward(tape, x, weight, null, 1e-5f);
        }),
        new("linear", store =>
        {
            (Tensor x, Tensor weight) = (Rows(store, "x", Inputs), store.Add("weight", new Shape(Inputs, Outputs)));
            return tape => LinearOp.Forward(tape, x, weight);
        }),
        new("linear with bias", store =>
        {
            (Tensor x, Tensor weight, Tensor bias) =
                (Rows(store, "x", Inputs), store.Add("weight", new Shape(Inputs, Outputs)), store.Add("bias", new Shape(Outputs)));
            return tape => LinearOp.Forward(tape, x, weight, bias);
        }),
        new("linear with bias and residual", store =>
        {
            (Tensor x, Tensor weight, Tensor bias, Tensor residual) = (
                Rows(store, "x", Inputs), store.Add("weight", new Shape(Inputs, Outputs)), store.Add("bias", new Shape(Outputs)), Rows(store, "residual", Outputs));
            return tape => LinearOp.Forward(tape, x, weight, bias, residual);
        }),
        new("linear onto its own input", store =>
        {
            (Tensor x, Tensor weight) = (Rows(store, "x", Inputs), store.Add("weight", new Shape(Inputs, Inputs)));
            return tape => LinearOp.Forward(tape, x, weight, residual: x);
        }),
        new("linear with gelu tanh", store => ActivatedLinear(store, Activation.GeluTanh, bias: true)),
        new("linear with gelu exact", store => ActivatedLinear(store, Activation.GeluExact, bias: false)),
        new("linear transposed", store =>
        {
            (Tensor x, Tensor weight) = (Rows(store, "x", Inputs), store.Add("weight", new Shape(Outputs, Inputs)));
            return tape => LinearOp.ForwardTransposed(tape, x, weight);
        }),
        new("linear transposed with residual", store =>
        {
            (Tensor x, Tensor weight, Tensor residual) =
                (Rows(store, "x", Inputs), store.Add("weight", new Shape(Outputs, Inputs)), Rows(store, "residual", Outputs));
            return tape => LinearOp.ForwardTransposed(tape, x, weight, residual);
        }),
        new("causal attention", store =>
        {
            Tensor qkv = Rows(store, "qkv", 3 * Width);
            return tape => CausalAttentionOp.Forward(tape, qkv, Heads);
        }),
        new("causal attention with dropout", store =>
        {
            Tensor qkv = Rows(store, "qkv", 3 * Width);
            return tape => CausalAttentionOp.Forward(tape, qkv, Heads, dropoutRate: 0.3f);
        }),
        new("gelu tanh", store => Activate(store, Activation.GeluTanh)),
        new("gelu exact", store => Activate(store, Activation.GeluExact)),
        new("relu", store => Activate(store, Activation.Relu), new GradientCheckOptions { SkipAcrossZero = true }),
        new("dropout", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => DropoutOp.Forward(tape, x, 0.4f);
        }),
        new("scale", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => ScaleOp.Forward(tape, x, -1.5f);
        }),
        new("scale added to what is scaled", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => ResidualAddOp.Forward(tape, x, ScaleOp.Forward(tape, x, 0.5f));
        }),
        new("residual add", store =>
        {
            (Tensor residual, Tensor branch) = (Rows(store, "residual", Width), Rows(store, "branch", Width));
            return tape => ResidualAddOp.Forward(tape, residual, branch);
        }),
        new("residual add to itself after dropout", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => ResidualAddOp.Forward(tape, x, DropoutOp.Forward(tape, ResidualAddOp.Forward(tape, x, x), 0.5f));
        }),
        new("cross entropy with ignored targets", store =>
        {
            Tensor logits = store.Add("logits", new Shape(Targets.Length, Outputs));
            return tape => CrossEntropyOp.Forward(tape, logits, Targets);
        }),
        new("cross entropy of a tied head", store =>
        {
            (Tensor x, Tensor weight) = (store.Add("x", new Shape(Targets.Length, Inputs)), store.Add("weight", new Shape(Outputs, Inputs)));
            return tape => CrossEntropyOp.Forward(tape, LinearOp.ForwardTransposed(tape, x, weight), Targets);
        }),
        new("cross entropy with class weights", store =>
        {
            Tensor logits = store.Add("logits", new Shape(Targets.Length, Outputs));
            return tape => CrossEntropyOp.Forward(tape, logits, Targets, [0.5f, 1, 2, 0, 3, 0.25f, 1, 1, 1.5f]);
        }),
        new("selected rows", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => SelectRowsOp.Forward(tape, x, [0, 3, 4, 13]);
        }),
        new("selected rows beside another use", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => ResidualAddOp.Forward(tape, SelectRowsOp.Forward(tape, x, [2, 12]), SelectRowsOp.Forward(tape, x, [2, 9]));
        }),
        new("mean pool", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => MeanPoolOp.Forward(tape, x, [Length, 3]);
        }),
        new("mean pool beside another use", store =>
        {
            Tensor x = Rows(store, "x", Width);
            return tape => ResidualAddOp.Forward(tape, MeanPoolOp.Forward(tape, x, [1, 4]), SelectRowsOp.Forward(tape, x, [0, 10]));
        }),
        new("weighted sum", store =>
        {
            Tensor x = store.Add("x", new Shape(6));
            return tape => WeightedSumOp.Forward(tape, x, [1, -2, 0.5f, 0, 3, -0.25f]);
        }),
    ];

    private static Tensor Rows(ParameterStore store, string name, int columns) => store.Add(name, new Shape(BatchSize, Length, columns));

    private static Func<Tape, Tensor> ActivatedLinear(ParameterStore store, Activation activation, bool bias)
    {
        (Tensor x, Tensor weight) = (Rows(store, "x", Inputs), store.Add("weight", new Shape(Inputs, Outputs)));
        Tensor? b = bias ? store.Add("bias", new Shape(Outputs)) : null;
        return tape => ActivatedLinearOp.Forward(tape, x, weight, b, activation);
    }

    private static Func<Tape, Tensor> Activate(ParameterStore store, Activation activation)
    {
        Tensor x = Rows(store, "x", Width);
        return tape => ActivationOp.Forward(tape, x, activation);
    }
}
