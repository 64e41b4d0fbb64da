namespace Quatrain.Inference.Evaluation;

/// <summary>One question of a benchmark.</summary>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Id">What the file calls it; its line where the file has no name for it.</param>
/// <param name="Context">What comes before.</param>
/// <param name="Choices">What may come next, each with the space it begins with: four endings, or LAMBADA's one word.</param>
/// <param name="Label">The index of the right choice.</param>
public sealed record BenchmarkItem(int Line, string Id, string Context, IReadOnlyList<string> Choices, int Label);
