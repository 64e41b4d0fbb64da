namespace Quatrain.Tensors;

/// <summary>
/// Float32 numbers with a shape, and room for their gradient. Ops make tensors in a tape's arena; parameters live in a
/// <see cref="ParameterStore"/>.
/// </summary>
/// <remarks>A tensor an op made is valid until its tape begins the next step: the tape uses the object and its memory again.</remarks>
public sealed unsafe class Tensor
{
    internal Tensor()
    {
    }

    /// <summary>The sizes.</summary>
    public Shape Shape { get; internal set; }

    /// <summary>Whether the backward pass computes this tensor's gradient.</summary>
    public bool RequiresGradient { get; set; }

    /// <summary>The elements, the last dimension side by side.</summary>
    public Span<float> Values => new(Data, Shape.ElementCount);

    /// <summary>The gradient of the loss by each element, as far as the backward pass has come; empty where nothing was computed.</summary>
    public Span<float> Gradient => GradientWritten ? new(GradientData, Shape.ElementCount) : [];

    internal float* Data { get; set; }

    internal float* GradientData { get; set; }

    /// <summary>Whether the tensor belongs to a store, which also owns the memory of its gradient.</summary>
    internal bool IsParameter { get; init; }

    /// <summary>Whether the gradient has overwritten the elements.</summary>
    internal bool ReplacedByGradient => GradientWritten && GradientData == Data;

    /// <summary>False until the first contribution, which overwrites what the memory held before; later ones add.</summary>
    internal bool GradientWritten { get; set; }
}
