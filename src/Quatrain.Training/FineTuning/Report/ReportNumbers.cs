using System.Globalization;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>Numbers as the page shows them; a measure that is not defined is a dash.</summary>
internal static class ReportNumbers
{
    private const string Undefined = "–";

    /// <summary>A share in percent; what is not all is never rounded up to all.</summary>
    public static string Percent(double? share) => share switch
    {
        null => Undefined,
        < 1 and >= 0.9995 => ">\u00A099.9\u00A0%",
        { } known => string.Create(CultureInfo.InvariantCulture, $"{100 * known:0.0}\u00A0%"),
    };

    public static string Percent(ShareInterval interval) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * interval.Low:0.0}–{100 * interval.High:0.0}\u00A0%");

    /// <summary>A measure to three decimals; what is not quite 1 is never rounded up to it.</summary>
    public static string Ratio(double? value) => value switch
    {
        null => Undefined,
        < 1 and >= 0.99995 => ">\u00A00.9999",
        < 1 and >= 0.9995 => value.Value.ToString("0.0000", CultureInfo.InvariantCulture),
        { } known => known.ToString("0.000", CultureInfo.InvariantCulture),
    };

    /// <summary>A probability with as many digits as tell it from 0 and 1.</summary>
    public static string Probability(double value) => value switch
    {
        <= 0 => "0",
        < 0.0001 => "<\u00A00.0001",
        > 1 => ">\u00A01",
        1 => "1",
        > 0.9999 => ">\u00A00.9999",
        < 0.01 or > 0.99 => value.ToString("0.0000", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long count, string one, string many) => $"{Count(count)} {(count == 1 ? one : many)}";

    public static string Duration(double seconds) => seconds switch
    {
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.0} h"),
    };

    public static string Size(long bytes) => bytes switch
    {
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.00} GiB"),
    };

    public static string PValue(double p) => p < 0.001 ? "p < 0.001" : string.Create(CultureInfo.InvariantCulture, $"p = {p:0.000}");
}
