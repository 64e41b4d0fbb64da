using System.Buffers.Binary;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.LlmC;

namespace Quatrain.Models.Gpt2.Export;

/// <summary>Writes a file of weights as llm.c's scripts do, the vocabulary padded to a multiple of 128.</summary>
internal static class LlmCExport
{
    private const string Format = "a file of llm.c";
    private const int VocabularyMultiple = 128;
    private const float Epsilon = 1e-5f;

    public static void Check(Gpt2Config config, ExportOptions options)
    {
        Gpt2Export.RequirePublishedActivation(Format, config);
        if (!config.TieEmbeddings)
        {
            throw Gpt2Export.Refusal(Format, "its head is not tied to the token embedding, and llm.c's always is; export it for Hugging Face or as GGUF");
        }

        if (config.LayerNormEpsilon != Epsilon)
        {
            throw Gpt2Export.Refusal(Format, $"its layer_norm_epsilon is {config.LayerNormEpsilon}, and llm.c's always {Epsilon}; export it for Hugging Face or as GGUF");
        }

        if (options.Weights is not (RawElementType.F32 or RawElementType.BF16))
        {
            throw Gpt2Export.Refusal(Format, "llm.c reads fp32 and bf16 weights only; choose one of them");
        }
    }

    public static void Write(string path, Gpt2Config config, WeightWriter weights, ExportOptions options)
    {
        int version = options.Weights == RawElementType.F32 ? LlmCFile.SingleVersion : LlmCFile.HalfVersion;
        int padded = (config.VocabularySize + VocabularyMultiple - 1) / VocabularyMultiple * VocabularyMultiple;
        byte[] header = new byte[LlmCFile.HeaderLength * sizeof(int)];
        ReadOnlySpan<int> numbers =
        [
            LlmCFile.Magic, version, config.ContextLength, config.VocabularySize, config.LayerCount, config.HeadCount, config.EmbeddingSize, padded,
        ];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(i * sizeof(int)), numbers[i]);
        }

        Dictionary<string, long[]> shapes = Gpt2Export.WithBiases(config).ToDictionary(parameter => parameter.Name, parameter => parameter.Shape, StringComparer.Ordinal);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (LlmCTensor tensor in LlmCTensor.All(config with { Bias = true }))
            {
                Gpt2Export.Tensor(config, weights, Gpt2NameMap.LlmC, tensor.Parameter, shapes[tensor.Parameter], options.Weights).WriteElements(stream);
                if (tensor.Name == LlmCTensor.TokenEmbedding)
                {
                    weights.WriteZeros(stream, (long)(padded - config.VocabularySize) * config.EmbeddingSize, options.Weights);
                }
            }
        });
    }
}
