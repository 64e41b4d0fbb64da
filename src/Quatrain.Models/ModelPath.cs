using Quatrain.Models.Hub;

namespace Quatrain.Models;

/// <summary>What a user means by a model: a path, or the name of one that was pulled.</summary>
public static class ModelPath
{
    /// <summary>
    /// The path itself where something is there; else the folder of the pulled model of that name, such as <c>gpt2</c>, <c>OWNER/NAME</c> or
    /// <c>OWNER/NAME@REVISION</c>, or its file where it is one .gguf file and no more. Nothing is fetched.
    /// </summary>
    /// <returns>What can be no model's name comes back as it is, for the reader to say what is missing there.</returns>
    /// <exception cref="FileNotFoundException">Nothing is there and no model of that name has been pulled; the message says how to.</exception>
    /// <exception cref="InvalidDataException">A variable of the environment that tells of the cache folder can't be used.</exception>
    public static string Resolve(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Path.Exists(model) || !HubModelName.TryParse(model, out HubModelName? name) ? model : Resolve(model, name, HubSettings.FromEnvironment());
    }

    /// <summary>As <see cref="Resolve(string)"/>, for a model that must be there.</summary>
    /// <exception cref="FileNotFoundException">It is not; the message says how to get it.</exception>
    /// <exception cref="InvalidDataException">A variable of the environment that tells of the cache folder can't be used.</exception>
    public static string ResolveExisting(string model)
    {
        string path = Resolve(model);
        return Path.Exists(path) ? path : throw new FileNotFoundException($"There is no file or folder '{path}'; check the path, or name a pulled model such as gpt2.", path);
    }

    /// <summary>What means the same model in any current folder: a path that exists is made absolute, anything else, such as <c>gpt2</c>, stays as it is.</summary>
    public static string InFull(string model) => Path.Exists(model) ? Path.GetFullPath(model) : model;

    internal static string Resolve(string model, HubModelName name, HubSettings settings)
    {
        if (new HubCache(settings.CacheFolder, new DownloadOptions()).FindSnapshot(name) is { } folder)
        {
            return OnlyFile(folder) ?? folder;
        }

        throw new FileNotFoundException(
            $"There is no file or folder '{model}', and no model of that name has been pulled; check the path, or fetch the model with 'quatrain pull {model}'.", model);
    }

    private static string? OnlyFile(string folder)
    {
        if (File.Exists(Path.Combine(folder, ModelFolder.ConfigFileName)))
        {
            return null;
        }

        string[] files = [.. Directory.EnumerateFiles(folder, "*.gguf", SearchOption.AllDirectories)];
        return files.Length == 1 ? files[0] : null;
    }
}
