using System.Globalization;

namespace MessageFilter;

/// <summary>What the app's configuration says: appsettings.json, the environment or the command line.</summary>
internal sealed record FilterOptions
{
    /// <summary><c>Classifier:Path</c>: the folder that quatrain finetune classify made.</summary>
    public required string ClassifierPath { get; init; }

    /// <summary><c>Filter:QuarantineLabel</c>: the class of messages that are put aside.</summary>
    public required string QuarantineLabel { get; init; }

    /// <summary><c>Filter:MaxTextLength</c>: the most characters of a text.</summary>
    public required int MaxTextLength { get; init; }

    /// <summary><c>Filter:MaxTexts</c>: the most texts of a batch.</summary>
    public required int MaxTexts { get; init; }

    /// <summary><c>Filter:MaxBodyBytes</c>: the most bytes of a request's body.</summary>
    public required int MaxBodyBytes { get; init; }

    /// <summary><c>Filter:MaxKept</c>: how many messages inbox and quarantine keep each; the oldest go first.</summary>
    public required int MaxKept { get; init; }

    /// <summary><c>Filter:MaxWaiting</c>: how many requests may wait for a processor before more are turned away.</summary>
    public required int MaxWaiting { get; init; }

    /// <exception cref="InvalidDataException">A value is absent or impossible; the message says which.</exception>
    public static FilterOptions Read(IConfiguration configuration) => new()
    {
        ClassifierPath = configuration["Classifier:Path"] is { Length: > 0 } path
            ? path
            : throw new InvalidDataException("No classifier is configured; name the folder that quatrain finetune classify made, with --Classifier:Path FOLDER."),
        QuarantineLabel = configuration["Filter:QuarantineLabel"] is { Length: > 0 } label ? label : "spam",
        MaxTextLength = Whole(configuration, "Filter:MaxTextLength", 4_000),
        MaxTexts = Whole(configuration, "Filter:MaxTexts", 100),
        MaxBodyBytes = Whole(configuration, "Filter:MaxBodyBytes", 1 << 20),
        MaxKept = Whole(configuration, "Filter:MaxKept", 100),
        MaxWaiting = Whole(configuration, "Filter:MaxWaiting", 200, least: 0),
    };

    /// <summary>The text, where it is one that can be classified.</summary>
    /// <param name="text">What was sent.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="InvalidDataException">It is absent, empty or too long.</exception>
    public string Require(string? text, string name) =>
        text is null ? throw new InvalidDataException($"{name} is missing; send it as a JSON string.")
        : string.IsNullOrWhiteSpace(text) ? throw new InvalidDataException($"{name} is empty; there is nothing to filter.")
        : text.Length <= MaxTextLength ? text
        : throw new InvalidDataException(FormattableString.Invariant($"{name} has {text.Length} characters; send at most {MaxTextLength}."));

    private static int Whole(IConfiguration configuration, string key, int absent, int least = 1) =>
        configuration[key] is not { } value ? absent
        : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least ? number
        : throw new InvalidDataException(FormattableString.Invariant($"{key} is '{value}'; it must be a whole number of at least {least}."));
}
