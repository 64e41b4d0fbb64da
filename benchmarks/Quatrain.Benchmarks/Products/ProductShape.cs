namespace Quatrain.Benchmarks.Products;

/// <summary>A linear layer as training meets it: y[M, N] = x[M, K] W[K, N].</summary>
/// <param name="Name">Which one, in one word.</param>
/// <param name="Rows">M: the tokens of a batch.</param>
/// <param name="Outputs">N.</param>
/// <param name="Inputs">K.</param>
/// <param name="Transposed">The weights lie as [N, K], as a head tied to the embeddings has them.</param>
public sealed record ProductShape(string Name, int Rows, int Outputs, int Inputs, bool Transposed = false)
{
    /// <summary>The layers of the models that are compared with peers, squares, and a step's widest product of narrow models.</summary>
    public static IReadOnlyList<ProductShape> All { get; } =
    [
        new("gpt2-qkv", 256, 2304, 768),
        new("gpt2-attention-out", 256, 768, 768),
        new("gpt2-fc", 256, 3072, 768),
        new("gpt2-proj", 256, 768, 3072),
        new("gpt2-head", 256, 50257, 768, Transposed: true),
        new("gpt2-fc-4x256", 1024, 3072, 768),
        new("char-gpu-qkv", 4096, 1152, 384),
        new("char-gpu-fc", 4096, 1536, 384),
        new("char-cpu-qkv", 768, 384, 128),
        new("char-cpu-fc", 768, 512, 128),
        new("square-1024", 1024, 1024, 1024),
        new("square-2048", 2048, 2048, 2048),
        new("32-wide-fc", 2048, 128, 32),
        new("64-wide-fc", 2048, 256, 64),
        new("128-wide-fc", 2048, 512, 128),
    ];

    /// <summary>The operations of each of the three products, forward, dx and dW.</summary>
    public double Flops => 2.0 * Rows * Outputs * Inputs;

    public override string ToString() => $"{Name} {Rows}x{Outputs}x{Inputs}";
}
