using System.Buffers;
using System.Text;

namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>The file "checkpoint" of a folder: it names the newest of the checkpoints beside it.</summary>
internal static class CheckpointState
{
    /// <summary>The file's name.</summary>
    public const string FileName = "checkpoint";

    private const int LargestBytes = 1 << 16;
    private static readonly SearchValues<char> Separators = SearchValues.Create("/\\:\"'\0");
    private const string Field = "model_checkpoint_path:";

    /// <summary>The name of the newest checkpoint in <paramref name="folder"/>, such as model.ckpt: what its files' names begin with.</summary>
    /// <exception cref="InvalidDataException">The file names none, or one outside the folder.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static string Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        using RawFile file = RawFile.Open(path);
        if (file.Length > LargestBytes)
        {
            throw TensorFlowCheckpoint.Invalid(path, $"it is larger than {LargestBytes} bytes, so it is not the text that names a checkpoint");
        }

        foreach (string line in Encoding.UTF8.GetString(file.ReadBytes(0, (int)file.Length)).Split('\n'))
        {
            string text = line.Trim();
            if (text.StartsWith(Field, StringComparison.Ordinal))
            {
                return RequireName(path, text[Field.Length..].Trim());
            }
        }

        throw TensorFlowCheckpoint.Invalid(path, "it does not say which is the model_checkpoint_path");
    }

    // A plain name and nothing else: a path could lead anywhere, and an escape could hide one.
    private static string RequireName(string path, string value)
    {
        bool quoted = value.Length > 2 && value[0] is '"' or '\'' && value[^1] == value[0];
        string name = quoted ? value[1..^1] : "";
        return quoted && name is not ("." or "..") && !name.AsSpan().ContainsAny(Separators)
            ? name
            : throw TensorFlowCheckpoint.Invalid(
                path, $"its model_checkpoint_path {TensorText.Quote(value)} is not the plain name of a checkpoint in the same folder, such as \"model.ckpt\"");
    }
}
