using Quatrain.Models.Hub;

namespace Quatrain.Models;

/// <summary>What a user means by a model: a path, or the name of one that was pulled.</summary>
public static class ModelPath
{
    private const int MostEdits = 2;

    // A folder may hold any number of other things.
    private const int MostNeighbours = 10_000;
    private const int LongestPath = 1_000;

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
        return Path.Exists(path) ? path : throw new FileNotFoundException($"There is no file or folder '{path}'; {Remedy(path, "check the path, or name a pulled model such as gpt2")}", path);
    }

    /// <summary>What means the same model in any current folder: a path that exists is made absolute, anything else, such as <c>gpt2</c>, stays as it is.</summary>
    public static string InFull(string model) => Path.Exists(model) ? Path.GetFullPath(model) : model;

    /// <summary>
    /// What a message about a model that is not there ends with: <c>did you mean 'gpt2'?</c> where what lies beside it, a model that was pulled or one that can be by a short name is
    /// called almost so, else <paramref name="otherwise"/> and a full stop.
    /// </summary>
    /// <param name="model">What was written.</param>
    /// <param name="otherwise">What to do, without the full stop.</param>
    public static string Remedy(string model, string otherwise)
    {
        ArgumentNullException.ThrowIfNull(model);
        try
        {
            return Remedy(model, otherwise, HubSettings.FromEnvironment());
        }
        catch (InvalidDataException)
        {
            // Where pulled models are can't be told; that is not what the message is about.
            return Remedy(model, otherwise, null);
        }
    }

    /// <summary>As <see cref="Remedy(string, string)"/>, where only what lies beside it can be meant.</summary>
    public static string LocalRemedy(string model, string otherwise)
    {
        ArgumentNullException.ThrowIfNull(model);
        return End(NearestBeside(model), otherwise);
    }

    internal static string Remedy(string model, string otherwise, HubSettings? settings)
    {
        // A short name is right as it is; it has only not been pulled.
        if (HubModelName.ShortNames.Contains(model))
        {
            return End(null, otherwise);
        }

        string? beside = NearestBeside(model);
        string? name = Suggestion.Nearest(model, [.. HubModelName.ShortNames, .. PulledNames(settings)], MostEdits);
        bool isNameNearer = name is not null && (beside is null || Suggestion.Distance(model, name) < Suggestion.Distance(model, beside));
        return End(isNameNearer ? name : beside, otherwise);
    }

    internal static string Resolve(string model, HubModelName name, HubSettings settings)
    {
        if (new HubCache(settings.CacheFolder, new DownloadOptions()).FindSnapshot(name) is { } folder)
        {
            return OnlyFile(folder) ?? folder;
        }

        throw new FileNotFoundException(
            $"There is no file or folder '{model}', and no model of that name has been pulled; {Remedy(model, $"check the path, or fetch the model with 'quatrain pull {model}'", settings)}", model);
    }

    private static string End(string? meant, string otherwise) => meant is null ? $"{otherwise}." : $"did you mean '{meant}'?";

    private static string[] PulledNames(HubSettings? settings)
    {
        try
        {
            return settings is null ? [] : [.. new HubCache(settings.CacheFolder, new DownloadOptions()).Repositories().Take(MostNeighbours)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The file or folder beside <paramref name="path"/> that is called almost so, or what has its name in a folder that is; null where there is neither.</summary>
    private static string? NearestBeside(string path)
    {
        string whole = Path.TrimEndingDirectorySeparator(path), folder = Path.GetDirectoryName(whole) ?? "";
        if (whole.Length > LongestPath)
        {
            return null;
        }

        if (folder.Length > 0 && !Path.Exists(folder))
        {
            return NearestBeside(folder) is { } other && Path.Combine(other, Path.GetFileName(whole)) is string there && Path.Exists(there) ? there : null;
        }

        try
        {
            IEnumerable<string> names = Directory.EnumerateFileSystemEntries(folder.Length > 0 ? folder : ".").Take(MostNeighbours).Select(entry => Path.GetFileName(entry))
                .Where(name => name[0] != '.' && !name.Any(char.IsControl));
            return Suggestion.Nearest(Path.GetFileName(whole), names.Order(StringComparer.Ordinal), MostEdits) is { } nearest ? Path.Combine(folder, nearest) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
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
