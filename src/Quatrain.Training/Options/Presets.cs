using System.Reflection;
using Quatrain.Models;
using Quatrain.Training.Data;

namespace Quatrain.Training.Options;

/// <summary>The named sets of options that come with the library; each is a JSON file as <c>--config</c> takes it.</summary>
public static class Presets
{
    private const string Folder = "presets/";
    private const string Extension = ".json";

    private static readonly Assembly Home = typeof(Presets).Assembly;

    /// <summary>The presets' names, in ordinal order.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Home.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal))
            .Select(name => name[Folder.Length..^Extension.Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The options of a preset.</summary>
    /// <exception cref="InvalidDataException">There is no such preset; the message lists those there are.</exception>
    public static TrainingOptions Load(string name) =>
        TrainingOptionsJson.Parse(ReadJson(name), $"preset '{name}'") with { Preset = name };

    /// <summary>The JSON text of a preset, to start a file of one's own from.</summary>
    /// <exception cref="InvalidDataException">There is no such preset; the message lists those there are.</exception>
    public static string ReadJson(string name)
    {
        if (!Names.Contains(name))
        {
            string there = Suggestion.Nearest(name, Names) is { } nearest ? $"did you mean '{nearest}'? There" : "there";
            throw new InvalidDataException($"Unknown preset '{name}'; {there} are {string.Join(", ", Names)}.");
        }

        using Stream stream = Home.GetManifestResourceStream(Folder + name + Extension)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return StrictUtf8.Decode(bytes, name);
    }
}
