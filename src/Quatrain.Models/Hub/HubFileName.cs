namespace Quatrain.Models.Hub;

/// <summary>Which names that a server gives to files may be used on this machine.</summary>
internal static class HubFileName
{
    private const int LongestName = 250;
    private const string OddCharacters = " ._-+=@,()[]";

    private static readonly string[] DeviceNames = ["CON", "PRN", "AUX", "NUL", "COM", "LPT"];

    /// <summary>Whether <paramref name="name"/> is a relative path, with '/', that stays inside its folder on every system.</summary>
    public static bool IsSafe(string name) => name.Length is > 0 and <= LongestName && name.Split('/').All(IsSafeSegment);

    /// <summary>Whether <paramref name="segment"/> may be the name of one file or folder.</summary>
    public static bool IsSafeSegment(string segment) =>
        segment.Length is > 0 and <= LongestName
        && segment.All(c => char.IsAsciiLetterOrDigit(c) || OddCharacters.Contains(c))
        && segment[0] is not (' ' or '-')
        && segment is not ("." or "..")
        && segment[^1] is not (' ' or '.')
        && !IsDevice(segment);

    // Windows takes CON, NUL.txt and COM1 for devices.
    private static bool IsDevice(string segment)
    {
        string stem = segment.Split('.')[0].TrimEnd(' ').ToUpperInvariant();
        return Array.IndexOf(DeviceNames, stem) is >= 0 and < 4
            || (stem.Length == 4 && char.IsAsciiDigit(stem[3]) && Array.IndexOf(DeviceNames, stem[..3]) >= 4);
    }
}
