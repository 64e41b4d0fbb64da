using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.TensorFlow;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>Opens folders as OpenAI published them: hparams.json, and a TensorFlow checkpoint that the file "checkpoint" names.</summary>
internal static class TensorFlowSource
{
    private const string HyperparametersFileName = "hparams.json";

    /// <summary>Whether <paramref name="folder"/> has such a checkpoint.</summary>
    public static bool IsAt(string folder) => File.Exists(Path.Combine(folder, CheckpointState.FileName));

    /// <summary>The parts of the model in <paramref name="folder"/>.</summary>
    public static Gpt2Parts Open(string folder)
    {
        string path = Path.Combine(folder, HyperparametersFileName);
        if (!File.Exists(path))
        {
            throw ModelFolder.Lacks(folder, HyperparametersFileName);
        }

        using ConfigFile file = ConfigFile.Open(path);
        Gpt2Config config = new()
        {
            LayerCount = file.Integer("n_layer"),
            HeadCount = file.Integer("n_head"),
            EmbeddingSize = file.Integer("n_embd"),
            ContextLength = file.Integer("n_ctx"),
            VocabularySize = file.Integer("n_vocab"),
        };
        config.ValidateIn(path);
        return new Gpt2Parts(config, TensorFlowCheckpoint.Open(folder), Gpt2NameMap.TensorFlow);
    }
}
