namespace Quatrain.Tensors;

/// <summary>
/// Float32 numbers with a shape, and room for their gradient. Ops make tensors in a tape's arena; parameters live in a
/// <see cref="ParameterStore"/>.
/// </summary>
/// <remarks>
/// A tensor an op made has its memory until its tape goes back or its model needs it no more, and the object is used again by the tape's next step.
/// </remarks>
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
    /// <exception cref="InvalidOperationException">The tape has taken the memory back, or a parameter has none yet.</exception>
    public Span<float> Values => Data is not null ? new(Data, Shape.ElementCount) : throw WithoutMemory();

    /// <summary>
    /// The gradient of the loss by each element, as far as the backward pass has come; empty where nothing was computed, or where the pass
    /// needed it no more and has taken the memory back.
    /// </summary>
    public Span<float> Gradient => GradientWritten ? new(GradientData, Shape.ElementCount) : [];

    internal float* Data { get; set; }

    internal float* GradientData { get; set; }

    /// <summary>Whether the tensor belongs to a store, which also owns the memory of its gradient.</summary>
    internal bool IsParameter { get; init; }

    /// <summary>Whether the gradient has overwritten the elements.</summary>
    internal bool ReplacedByGradient => GradientWritten && GradientData == Data;

    /// <summary>False until the first contribution, which overwrites what the memory held before; later ones add.</summary>
    internal bool GradientWritten { get; set; }

    private InvalidOperationException WithoutMemory() => new(IsParameter
        ? "The parameter has no memory yet: call the store's Allocate."
        : "The tape has taken this tensor's memory back; read it before.");
}
