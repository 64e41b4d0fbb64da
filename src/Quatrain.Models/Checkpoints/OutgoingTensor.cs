namespace Quatrain.Models.Checkpoints;

/// <summary>A tensor to be written to a file, whose elements are made while they are written.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Shape">The sizes, outermost first.</param>
/// <param name="Type">How the elements are stored.</param>
/// <param name="WriteElements">Writes them, <see cref="ByteCount"/> bytes.</param>
internal sealed record OutgoingTensor(string Name, long[] Shape, RawElementType Type, Action<Stream> WriteElements)
{
    /// <summary>The bytes of all elements.</summary>
    public long ByteCount => Type.Bytes(Shape.Aggregate(1L, (product, size) => checked(product * size)));
}
