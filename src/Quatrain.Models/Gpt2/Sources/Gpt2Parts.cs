using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>What a format's reader makes of a path: the configuration, the open checkpoint, and what it calls the weights.</summary>
/// <param name="Config">The sizes and options.</param>
/// <param name="File">The tensors, not yet compared with the configuration; whoever takes the parts closes it.</param>
/// <param name="Names">What the tensors are called.</param>
/// <param name="KnowsHead">Whether a head in the file was looked at to tell if the configuration ties it to the token embedding.</param>
internal sealed record Gpt2Parts(Gpt2Config Config, ITensorFile File, Gpt2NameMap Names, bool KnowsHead = false);
