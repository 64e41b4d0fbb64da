using Quatrain.Models;
using Quatrain.Tokenizers;

namespace Quatrain.Training.Data;

/// <summary>Finds the tokenizer that an option names.</summary>
public static class TokenizerChoice
{
    /// <summary>The tokenizer in the file or folder at a path, or that of a model pulled under that name.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is damaged; the message says what to do.</exception>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static ITokenizer Load(string nameOrPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        return TokenizerFile.Load(Resolve(nameOrPath));
    }

    private static string Resolve(string nameOrPath)
    {
        try
        {
            string path = ModelPath.Resolve(nameOrPath);
            if (Path.Exists(path))
            {
                return path;
            }
        }
        catch (FileNotFoundException)
        {
            // Said below, with the option that it is about.
        }

        throw new InvalidDataException(
            $"There is no tokenizer '{nameOrPath}' on this machine; "
            + ModelPath.Remedy(nameOrPath, $"run 'quatrain pull {nameOrPath}' if it is a model's name, or give --tokenizer the path of a tokenizer's file or folder"));
    }
}
