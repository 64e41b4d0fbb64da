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
    public Span<float> Values => IsReadOnly
        ? throw new InvalidOperationException("The parameter is held for inference only, and may be mapped or not of float32; load the model for training to read or write its values.")
        : Data is not null ? new(Data, Shape.ElementCount) : throw WithoutMemory();

    /// <summary>How the elements are stored: float32, but for parameters that were attached for inference.</summary>
    public WeightFormat Format { get; internal set; }

    /// <summary>
    /// The gradient of the loss by each element, as far as the backward pass has come; empty where nothing was computed, or where the pass
    /// needed it no more and has taken the memory back.
    /// </summary>
    public Span<float> Gradient => GradientWritten ? new(GradientData, Shape.ElementCount) : [];

    /// <summary>The elements as ops have them: float32, in the order of the shape.</summary>
    internal float* Data
    {
        get => Format == WeightFormat.Float32 && !LiesTransposed ? (float*)Storage : throw new InvalidOperationException(
            $"A weight that is stored as {Format}{(LiesTransposed ? ", transposed," : "")} works only in linear layers and as a token table.");
        set => Storage = (byte*)value;
    }

    /// <summary>Where the elements lie, whatever their format and order.</summary>
    internal byte* Storage { get; set; }

    /// <summary>Whether a matrix [K, N] is stored as N rows of K.</summary>
    internal bool LiesTransposed { get; set; }

    /// <summary>Whether the elements must not be written: they are mapped, or no floats.</summary>
    internal bool IsReadOnly { get; set; }

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
