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

    /// <summary>Refuses a weight that is not float32 in the order of its shape.</summary>
    public static void Float32(string op, string operand, Tensor? tensor)
    {
        if (tensor is not null && (tensor.Format != WeightFormat.Float32 || tensor.LiesTransposed))
        {
            throw new ArgumentException($"{op}: {operand} is stored as {tensor.Format}{(tensor.LiesTransposed ? ", transposed" : "")}; it must be Float32.");
        }
    }

    /// <summary>
    /// Refuses, on a recording tape, a weight that is held for inference only, unless it is frozen and of floats: the way back can go through such a weight, and
    /// has nothing to leave in it.
    /// </summary>
    public static void Recordable(string op, string operand, Tape tape, Tensor? tensor)
    {
        if (tape.Recording && tensor is { IsReadOnly: true } && (tensor.RequiresGradient || tensor.Format == WeightFormat.Int8))
        {
            throw new InvalidOperationException($"{op}: {operand} is held for inference only, so a recording tape can't use it; load the model for training.");
        }
    }

    public static bool AnyWantsGradient(Tensor a, Tensor? b = null, Tensor? c = null, Tensor? d = null) =>
        a.RequiresGradient || b is { RequiresGradient: true } || c is { RequiresGradient: true } || d is { RequiresGradient: true };
}
