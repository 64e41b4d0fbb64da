namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>What torch.save wrote: a value, and the storages its tensors are views of.</summary>
internal interface ITorchContainer
{
    /// <summary>What was saved.</summary>
    object? Root { get; }

    /// <summary>Where the storage's elements begin in the file, which is known to hold all of them.</summary>
    /// <exception cref="InvalidDataException">The file does not hold them; the message says so.</exception>
    long Locate(TorchStorage storage);
}
