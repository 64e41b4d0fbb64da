namespace Quatrain.Tensors.Profiling;

/// <summary>What is measured together: the same work on the same sizes.</summary>
/// <param name="Name">What is done, for example "linear, dW".</param>
/// <param name="Rows">M of a product, or the rows of what is worked on.</param>
/// <param name="Columns">N of a product, or the columns of what is worked on.</param>
/// <param name="Depth">K of a product, or 0.</param>
public readonly record struct Operation(string Name, int Rows, int Columns, int Depth = 0);
