using System.Buffers;
using Quatrain.Models.Layers;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Adapters;

/// <summary>What LoRA adds to a linear layer: scale (dropout(x) A^T) B^T, a change of the weights whose rank is no more than r.</summary>
/// <remarks>Source: Hu et al., "LoRA: low-rank adaptation of large language models" (2021).</remarks>
public sealed class LoraAdapter
{
    private readonly float _dropout;

    internal LoraAdapter(ParameterStore parameters, Linear layer, LoraConfig config)
    {
        (LayerName, Scale, _dropout) = (layer.Name, config.Scale, config.Dropout);
        (int inputs, int outputs) = (layer.Weight.Shape[0], layer.Weight.Shape[1]);
        string name = LoraAdapters.NamePrefix + layer.Name;
        A = parameters.Add($"{name}.lora_A.weight", new Shape(config.Rank, inputs));
        B = parameters.Add($"{name}.lora_B.weight", new Shape(outputs, config.Rank));
    }

    /// <summary>The layer's name, for example h.0.attn.c_attn.</summary>
    public string LayerName { get; }

    /// <summary>[r, inputs].</summary>
    public Tensor A { get; }

    /// <summary>[outputs, r].</summary>
    public Tensor B { get; }

    /// <summary>What the product is multiplied by.</summary>
    public float Scale { get; }

    /// <summary>y + scale (dropout(x) A^T) B^T, with x [..., inputs] and y [..., outputs].</summary>
    internal Tensor AddTo(Tape tape, Tensor x, Tensor y)
    {
        Tensor inner = LinearOp.ForwardTransposed(tape, DropoutOp.Forward(tape, x, _dropout), A); // [..., r]
        return LinearOp.ForwardTransposed(tape, ScaleOp.Forward(tape, inner, Scale), B, residual: y);
    }

    /// <summary>
    /// Adds scale (B A)^T to a part of the layer's weights, which lie as [inputs, outputs], or as [outputs, inputs] where they are <paramref name="transposed"/>.
    /// </summary>
    /// <remarks>Each sum is made in double and rounded once, when it is added; so the bits don't depend on the order or on how the weights are cut.</remarks>
    /// <param name="weights">The weights from the one numbered <paramref name="start"/> on.</param>
    /// <param name="start">The number of the first of them.</param>
    /// <param name="transposed">How they lie.</param>
    internal void AddProductTo(Span<float> weights, long start, bool transposed)
    {
        int columns = transposed ? A.Shape[1] : B.Shape[0];
        float[] across = transposed ? A.Values.ToArray() : Transpose(B.Values, B.Shape[0]); // [r, columns]
        double[] sums = ArrayPool<double>.Shared.Rent(columns);
        try
        {
            while (!weights.IsEmpty)
            {
                (int row, int first) = ((int)(start / columns), (int)(start % columns));
                int count = Math.Min(columns - first, weights.Length);
                AddToRow(weights[..count], row, across, first, columns, transposed, sums.AsSpan(0, count));
                start += count;
                weights = weights[count..];
            }
        }
        finally
        {
            ArrayPool<double>.Shared.Return(sums);
        }
    }

    private void AddToRow(Span<float> weights, int row, float[] across, int first, int columns, bool transposed, Span<double> sums)
    {
        sums.Clear();
        int rank = A.Shape[0];
        for (int k = 0; k < rank; k++)
        {
            double down = transposed ? B.Values[(row * rank) + k] : A.Values[(k * A.Shape[1]) + row];
            ReadOnlySpan<float> factors = across.AsSpan((k * columns) + first, sums.Length);
            for (int i = 0; i < factors.Length; i++)
            {
                sums[i] += down * factors[i];
            }
        }

        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = (float)(weights[i] + (Scale * sums[i]));
        }
    }

    private static float[] Transpose(ReadOnlySpan<float> values, int rows)
    {
        int columns = values.Length / rows;
        float[] result = new float[values.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = values[(row * columns) + column];
            }
        }

        return result;
    }
}
