using System.Globalization;

namespace Quatrain.Training.Options;

/// <summary>What an option's value is.</summary>
public enum OptionKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A finite number.</summary>
    Number,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>One of a few words.</summary>
    Choice,
}

/// <summary>One option: its names, meaning and range, and how it is read from and written as text.</summary>
/// <remarks>Values travel as text, which JSON and the command line share; numbers are invariant and read back to the same bits.</remarks>
public sealed class OptionKey
{
    private readonly Func<TrainingOptions, string> _format;
    private readonly Func<TrainingOptions, string, TrainingOptions?> _tryApply;

    internal OptionKey(
        string name,
        OptionKind kind,
        string description,
        string expected,
        IReadOnlyList<string> choices,
        Func<TrainingOptions, string> format,
        Func<TrainingOptions, string, TrainingOptions?> tryApply)
    {
        Name = name;
        Kind = kind;
        Description = description;
        Expected = expected;
        Choices = choices;
        _format = format;
        _tryApply = tryApply;
        Default = format(new TrainingOptions());
    }

    /// <summary>The JSON key, in snake_case.</summary>
    public string Name { get; }

    /// <summary>The command-line option, such as <c>--batch-size</c>.</summary>
    public string CommandLineName => "--" + Name.Replace('_', '-');

    /// <summary>What the value is.</summary>
    public OptionKind Kind { get; }

    /// <summary>One line for help.</summary>
    public string Description { get; }

    /// <summary>What a value must be, to follow "must be": <c>a whole number from 1 to 1024</c>.</summary>
    public string Expected { get; }

    /// <summary>The words a <see cref="OptionKind.Choice"/> allows; empty for other kinds.</summary>
    public IReadOnlyList<string> Choices { get; }

    /// <summary>The default, as text.</summary>
    public string Default { get; }

    /// <summary>This option's value in <paramref name="options"/>, as text.</summary>
    public string Format(TrainingOptions options) => _format(options);

    internal TrainingOptions Apply(TrainingOptions options, string text, string label) =>
        _tryApply(options, text) ?? throw Refusal(label, Kind is OptionKind.Text or OptionKind.Choice ? $"'{text}'" : text);

    // A value that was set in code goes the same way as one that was read.
    internal void CheckRange(TrainingOptions options) => Apply(options, _format(options), Name);

    internal InvalidDataException Refusal(string label, string found) => new($"{label} must be {Expected}, not {Shorten(found)}.");

    // Messages stay one readable sentence whatever a file holds.
    internal static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "...";

    internal static OptionKey Text(
        string name, string description, string expected, Func<string, bool> allows,
        Func<TrainingOptions, string> get, Func<TrainingOptions, string, TrainingOptions> with) =>
        new(name, OptionKind.Text, description, expected, [], get, (options, text) => allows(text) ? with(options, text) : null);

    internal static OptionKey Integer(
        string name, string description, long minimum, long maximum,
        Func<TrainingOptions, long> get, Func<TrainingOptions, long, TrainingOptions> with) =>
        new(name, OptionKind.Integer, description, FormattableString.Invariant($"a whole number from {minimum} to {maximum}"), [],
            options => get(options).ToString(CultureInfo.InvariantCulture),
            (options, text) =>
                long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= minimum && value <= maximum
                    ? with(options, value)
                    : null);

    internal static OptionKey Number(
        string name, string description, NumberRange range,
        Func<TrainingOptions, double> get, Func<TrainingOptions, double, TrainingOptions> with) =>
        new(name, OptionKind.Number, description, $"a number {range}", [],
            options => get(options).ToString(CultureInfo.InvariantCulture).ToLowerInvariant(),
            (options, text) =>
                double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && range.Contains(value)
                    ? with(options, value)
                    : null);

    internal static OptionKey Boolean(
        string name, string description, Func<TrainingOptions, bool> get, Func<TrainingOptions, bool, TrainingOptions> with) =>
        new(name, OptionKind.Boolean, description, "true or false", [],
            options => get(options) ? "true" : "false",
            (options, text) => text switch
            {
                "true" => with(options, true),
                "false" => with(options, false),
                _ => null,
            });

    internal static OptionKey Choice<T>(
        string name, string description, (string Word, T Value)[] choices,
        Func<TrainingOptions, T> get, Func<TrainingOptions, T, TrainingOptions> with)
        where T : struct, Enum
    {
        // Every command builds this table, and LINQ over pairs would be compiled anew each time the program starts.
        string[] words = new string[choices.Length];
        T[] values = new T[choices.Length];
        for (int i = 0; i < choices.Length; i++)
        {
            (words[i], values[i]) = choices[i];
        }

        return new(name, OptionKind.Choice, description, $"one of {string.Join(", ", words)}", words,
            options => Array.IndexOf(values, get(options)) is var index and >= 0 ? words[index] : get(options).ToString(),
            (options, text) => Array.IndexOf(words, text) is var index and >= 0 ? with(options, values[index]) : null);
    }
}

/// <summary>An interval of finite numbers, open or closed at each end.</summary>
internal readonly record struct NumberRange(double Minimum, double Maximum, bool OpenBelow = false, bool OpenAbove = false)
{
    // Comparisons with NaN are false, so NaN is in no range.
    public bool Contains(double value) =>
        (OpenBelow ? value > Minimum : value >= Minimum) && (OpenAbove ? value < Maximum : value <= Maximum);

    public override string ToString() =>
        FormattableString.Invariant($"{(OpenBelow ? "above" : "of at least")} {Minimum} and {(OpenAbove ? "below" : "at most")} {Maximum}");
}
