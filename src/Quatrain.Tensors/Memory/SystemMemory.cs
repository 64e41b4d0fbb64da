using System.Globalization;

namespace Quatrain.Tensors.Memory;

/// <summary>What memory the machine has left.</summary>
public static class SystemMemory
{
    /// <summary>
    /// The bytes that a process can still take without the system running short, as far as the system tells: on Linux what is free or can be freed, within the
    /// container's limit; elsewhere all of the machine's memory.
    /// </summary>
    public static long AvailableBytes
    {
        get
        {
            long total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            return OperatingSystem.IsLinux() ? AvailableOnLinux("/proc/meminfo", "/sys/fs/cgroup") ?? total : total;
        }
    }

    /// <summary>What the kernel calls available, or a container's limit below that; null where neither is told.</summary>
    /// <param name="memoryInfo">Linux's /proc/meminfo.</param>
    /// <param name="controlGroup">Linux's /sys/fs/cgroup, of version 2 or 1.</param>
    internal static long? AvailableOnLinux(string memoryInfo, string controlGroup)
    {
        const string Key = "MemAvailable:", Unit = "kB";
        string? line = ReadLines(memoryInfo).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal) && line.EndsWith(Unit, StringComparison.Ordinal));
        long? available = line is null ? null : Number(line[Key.Length..^Unit.Length]) * 1024;
        foreach (string file in (string[])["memory.max", "memory/memory.limit_in_bytes"])
        {
            // Without a limit there is a word or a number beyond all memory.
            long? limit = Number(ReadLines(Path.Combine(controlGroup, file)).FirstOrDefault() ?? "");
            available = limit < (available ?? long.MaxValue) ? limit : available;
        }

        return available;
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static long? Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long value) ? value : null;
}
