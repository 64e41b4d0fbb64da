namespace Quatrain.Tensors.Ops;

/// <summary>The shape checks of the ops. Each message names the op, the operand and both shapes.</summary>
internal static class Check
{
    public static void Rank(string op, string operand, Tensor tensor, int rank)
    {
        if (tensor.Shape.Rank != rank)
        {
            throw new ArgumentException($"{op}: {operand} is {tensor.Shape}; it must have {rank} dimensions.");
        }
    }

    public static void Last(string op, string operand, Tensor tensor, int size)
    {
        if (tensor.Shape.Last != size)
        {
            throw new ArgumentException($"{op}: {operand} is {tensor.Shape}; its last size must be {size}.");
        }
    }

    public static void Shape(string op, string operand, Tensor? tensor, Shape shape)
    {
        if (tensor is not null && tensor.Shape != shape)
        {
            throw new ArgumentException($"{op}: {operand} is {tensor.Shape}; it must be {shape}.");
        }
    }

    public static void Ids(string op, string operand, ReadOnlySpan<int> ids, int limit, int ignore = int.MinValue)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)limit && ids[i] != ignore)
            {
                throw new ArgumentException($"{op}: {operand}[{i}] is {ids[i]}; it must lie in [0, {limit}).");
            }
        }
    }

    public static bool AnyWantsGradient(Tensor a, Tensor? b = null, Tensor? c = null, Tensor? d = null) =>
        a.RequiresGradient || b is { RequiresGradient: true } || c is { RequiresGradient: true } || d is { RequiresGradient: true };
}
