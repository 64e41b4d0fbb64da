using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Cli.Hosting;

/// <summary>A model as the command line names it.</summary>
/// <param name="Name">The MODEL argument.</param>
/// <param name="BaseModel">--base, or null.</param>
/// <param name="Weights">--weights, or null.</param>
internal sealed record ModelChoice(string Name, string? BaseModel, WeightFormat? Weights)
{
    /// <inheritdoc cref="LoadedModel.Open"/>
    public LoadedModel Open(WorkerPool pool) => LoadedModel.Open(Name, Weights, pool, BaseModel);
}
