using Quatrain.Models.Adapters;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Layers;

/// <summary>y = x W + b, and what an adapter adds to it where the layer has one.</summary>
public sealed class Linear
{
    /// <summary>Adds <c>name.weight</c> [inputs, outputs] and, with a bias, <c>name.bias</c> [outputs] to <paramref name="parameters"/>.</summary>
    public Linear(ParameterStore parameters, string name, int inputs, int outputs, bool bias)
    {
        Name = name;
        Weight = parameters.Add($"{name}.weight", new Shape(inputs, outputs));
        Bias = bias ? parameters.Add($"{name}.bias", new Shape(outputs)) : null;
    }

    /// <summary>What its parameters' names begin with, for example h.0.attn.c_attn.</summary>
    public string Name { get; }

    /// <summary>[inputs, outputs], the order of GPT-2's checkpoints (Conv1D); PyTorch's Linear has it the other way round.</summary>
    public Tensor Weight { get; }

    /// <summary>[outputs], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>What is added to the result, or null.</summary>
    public LoraAdapter? Adapter { get; internal set; }

    /// <summary>x [..., inputs] to [..., outputs].</summary>
    public Tensor Forward(Tape tape, Tensor x) => Forward(tape, x, residual: null);

    /// <summary>f(x W + b).</summary>
    public Tensor ForwardActivated(Tape tape, Tensor x, Activation activation) => Adapter is null
        ? ActivatedLinearOp.Forward(tape, x, Weight, Bias, activation)
        : ActivationOp.Forward(tape, Forward(tape, x), activation);

    /// <summary>residual + dropout(x W + b), which is how every branch of a transformer block ends.</summary>
    public Tensor ForwardInto(Tape tape, Tensor residual, Tensor x, float dropout) =>
        tape.Recording && dropout > 0
            ? ResidualAddOp.Forward(tape, residual, DropoutOp.Forward(tape, Forward(tape, x), dropout))
            : Forward(tape, x, residual);

    private Tensor Forward(Tape tape, Tensor x, Tensor? residual)
    {
        Tensor y = LinearOp.Forward(tape, x, Weight, Bias, residual);
        return Adapter is null ? y : Adapter.AddTo(tape, x, y);
    }
}
