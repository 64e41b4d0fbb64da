using Quatrain.Inference.Chat;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests;

/// <summary>Folders with a random model that can be chatted with, as fine-tuning leaves them.</summary>
internal static class ChatModel
{
    /// <summary>Writes model, tokenizer and, where there is a style, chat.json to <paramref name="folder"/>.</summary>
    public static string Write(string folder, PromptStyle? style, int contextLength = 256, string? system = null)
    {
        Directory.CreateDirectory(folder);
        using Gpt2Model model = RandomModel.Create(contextLength, SmallBytePairs.Tokenizer.VocabularySize);
        Gpt2Checkpoint.Save(folder, model);
        AtomicFile.Write(Path.Combine(folder, TokenizerFile.FileName), stream => stream.Write(SmallBytePairs.Tokenizer.ToJson()));
        if (style is not null)
        {
            new ChatSettings { Style = style, System = system, MaxTokens = 20 }.Save(folder);
        }

        return folder;
    }
}
