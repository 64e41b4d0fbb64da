using Quatrain.Models.Checkpoints.PyTorch;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>Opens single files of torch.save: nanoGPT's ckpt.pt, which holds its configuration, or weights with a config.json beside them.</summary>
internal static class PyTorchSource
{
    private const string ArgumentsKey = "model_args";

    /// <summary>The parts of the model in the file at <paramref name="path"/>.</summary>
    public static Gpt2Parts Open(string path)
    {
        PyTorchFile file = PyTorchFile.Open(path);
        try
        {
            return file.Root.TryGet(ArgumentsKey, out PickledDictionary? arguments)
                ? new Gpt2Parts(ReadArguments(path, arguments), file, Gpt2NameMap.NanoGpt)
                : new Gpt2Parts(HuggingFaceSource.ConfigBeside(path), file, Gpt2NameMap.HuggingFace);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // nanoGPT's GELU is the exact one, and its head the token embedding; neither is among the arguments. Source: nanoGPT, model.py.
    private static Gpt2Config ReadArguments(string path, PickledDictionary arguments)
    {
        float dropout = Dropout(path, arguments);
        Gpt2Config config = new()
        {
            LayerCount = Integer(path, arguments, "n_layer"),
            HeadCount = Integer(path, arguments, "n_head"),
            EmbeddingSize = Integer(path, arguments, "n_embd"),
            ContextLength = Integer(path, arguments, "block_size"),
            VocabularySize = Integer(path, arguments, "vocab_size"),
            Bias = arguments.Get("bias") switch
            {
                bool bias => bias,
                null => true,
                _ => throw Invalid(path, "bias", "true or false"),
            },
            Activation = Activation.GeluExact,
            EmbeddingDropout = dropout,
            AttentionDropout = dropout,
            ResidualDropout = dropout,
        };
        config.ValidateIn(path);
        return config;
    }

    private static int Integer(string path, PickledDictionary arguments, string name) =>
        arguments.Get(name) is long value and >= int.MinValue and <= int.MaxValue ? (int)value : throw Invalid(path, name, "a whole number");

    private static float Dropout(string path, PickledDictionary arguments) => arguments.Get("dropout") switch
    {
        double rate => (float)rate,
        long rate => rate,
        null => 0,
        _ => throw Invalid(path, "dropout", "a number"),
    };

    private static InvalidDataException Invalid(string path, string name, string wanted) =>
        new($"Cannot use '{path}': {name} of its {ArgumentsKey} is not {wanted}; use a checkpoint that nanoGPT wrote.");
}
