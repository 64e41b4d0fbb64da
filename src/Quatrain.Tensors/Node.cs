namespace Quatrain.Tensors;

/// <summary>One recorded operation: what its backward pass needs. A named class, so that a tape can be listed and stepped through.</summary>
/// <remarks>Nodes are used again by the next step when it records the same operation at the same place, so a warm step makes none.</remarks>
internal abstract class Node
{
    /// <summary>The tensor the operation made, whose gradient the backward pass starts from.</summary>
    public Tensor Output { get; set; } = null!;

    /// <summary>
    /// Adds to the inputs' gradients what flows back from the output's, and frees the memory that only the node knows of. The tape frees the output's.
    /// </summary>
    public abstract void Backward(Tape tape);
}
