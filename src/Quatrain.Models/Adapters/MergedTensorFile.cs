using System.Diagnostics.CodeAnalysis;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Adapters;

/// <summary>A checkpoint whose weights are read as if adapters had been merged into them; nothing is written, and nothing of it kept.</summary>
/// <param name="file">The checkpoint of the base; closed with this.</param>
/// <param name="adapters">The adapters; disposed with this.</param>
/// <param name="merged">For each tensor that changes its adapter, and whether it lies as [outputs, inputs].</param>
internal sealed class MergedTensorFile(
    ITensorFile file, LoraAdapters adapters, IReadOnlyDictionary<string, (LoraAdapter Adapter, bool IsTransposed)> merged) : ITensorFile
{
    /// <inheritdoc/>
    public string Path => file.Path;

    /// <inheritdoc/>
    public IReadOnlyList<TensorEntry> Entries => file.Entries;

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry) => file.TryGet(name, out entry);

    /// <inheritdoc/>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination)
    {
        file.ReadFloatRange(entry, start, destination);
        if (merged.TryGetValue(entry.Name, out (LoraAdapter Adapter, bool IsTransposed) change))
        {
            change.Adapter.AddProductTo(destination, start, change.IsTransposed);
        }
    }

    /// <summary>As the interface has it; a tensor that changes lies nowhere.</summary>
    public FileRegion? Locate(TensorEntry entry) => merged.ContainsKey(entry.Name) ? null : file.Locate(entry);

    /// <inheritdoc/>
    public void Dispose()
    {
        file.Dispose();
        adapters.Dispose();
    }
}
