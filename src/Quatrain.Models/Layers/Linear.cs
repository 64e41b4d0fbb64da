using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Layers;

/// <summary>y = x W + b.</summary>
public sealed class Linear
{
    /// <summary>Adds <c>name.weight</c> [inputs, outputs] and, with a bias, <c>name.bias</c> [outputs] to <paramref name="parameters"/>.</summary>
    public Linear(ParameterStore parameters, string name, int inputs, int outputs, bool bias)
    {
        Weight = parameters.Add($"{name}.weight", new Shape(inputs, outputs));
        Bias = bias ? parameters.Add($"{name}.bias", new Shape(outputs)) : null;
    }

    /// <summary>[inputs, outputs], the order of GPT-2's checkpoints (Conv1D); PyTorch's Linear has it the other way round.</summary>
    public Tensor Weight { get; }

    /// <summary>[outputs], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>x [..., inputs] to [..., outputs].</summary>
    public Tensor Forward(Tape tape, Tensor x) => LinearOp.Forward(tape, x, Weight, Bias);

    /// <summary>f(x W + b).</summary>
    public Tensor ForwardActivated(Tape tape, Tensor x, Activation activation) => ActivatedLinearOp.Forward(tape, x, Weight, Bias, activation);

    /// <summary>residual + dropout(x W + b), which is how every branch of a transformer block ends.</summary>
    public Tensor ForwardInto(Tape tape, Tensor residual, Tensor x, float dropout) =>
        tape.Recording && dropout > 0
            ? ResidualAddOp.Forward(tape, residual, DropoutOp.Forward(tape, Forward(tape, x), dropout))
            : LinearOp.Forward(tape, x, Weight, Bias, residual);
}
