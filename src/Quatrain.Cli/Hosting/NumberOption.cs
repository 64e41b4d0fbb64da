using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Quatrain.Cli.Hosting;

/// <summary>Options whose value is a number; they say what was expected instead of naming a type, and read numbers the same in every culture.</summary>
/// <remarks>They check that the value is a number. Whether it is a possible one is for what it is meant for.</remarks>
internal static class NumberOption
{
    /// <summary>A whole number, with the value it has where it is not given.</summary>
    public static Option<T> Whole<T>(string name, string description, T fallback)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => fallback, CustomParser = result => ParseWhole<T>(result, name) ?? default };

    /// <summary>A whole number that need not be given.</summary>
    public static Option<T?> OptionalWhole<T>(string name, string description)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        new(name) { Description = description, HelpName = "n", CustomParser = result => ParseWhole<T>(result, name) };

    /// <summary>A number with a decimal point, with the value it has where it is not given.</summary>
    public static Option<double> Decimal(string name, string description, double fallback) =>
        new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => fallback, CustomParser = result => ParseDecimal(result, name) };

    /// <summary>A number with a decimal point that need not be given.</summary>
    public static Option<double?> OptionalDecimal(string name, string description) =>
        new(name) { Description = description, HelpName = "n", CustomParser = result => ParseDecimal(result, name) };

    /// <summary>The value, if it lies between 1 and <paramref name="limit"/>.</summary>
    /// <exception cref="InvalidDataException">It doesn't.</exception>
    public static int InRange(int value, string name, int limit) =>
        value >= 1 && value <= limit ? value : throw new InvalidDataException($"{name} is {value}; it must lie between 1 and {limit}.");

    private static T? ParseWhole<T>(ArgumentResult result, string name)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
    {
        string text = result.Tokens[0].Value;
        if (T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value))
        {
            return value;
        }

        string expected = T.IsZero(T.MinValue) ? "a whole number of at least 0" : "a whole number";
        result.AddError($"{name} must be {expected}{(text.All(char.IsAsciiDigit) ? $" and at most {T.MaxValue}" : "")}, not '{text}'.");
        return null;
    }

    private static double ParseDecimal(ArgumentResult result, string name)
    {
        string text = result.Tokens[0].Value;
        // Without thousands separators: a decimal comma must not multiply the number by a power of ten.
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
        {
            result.AddError($"{name} must be a number such as 0.5, not '{text}'.");
        }

        return value;
    }
}
