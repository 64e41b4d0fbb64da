using System.Globalization;
using System.Runtime.InteropServices;

namespace Quatrain.Tensors.Parallel;

/// <summary>What the machine has to compute with.</summary>
public static partial class ProcessorInfo
{
    /// <summary>
    /// The physical cores this process may use: two hardware threads of a core share its arithmetic units, so more workers than
    /// cores slow the kernels down. Where the system doesn't tell, the logical processors.
    /// </summary>
    public static int PhysicalCores { get; } = Math.Clamp(CountPhysicalCores(), 1, Environment.ProcessorCount);

    private static int CountPhysicalCores()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                return CountLinux("/sys/devices/system/cpu");
            }

            if (OperatingSystem.IsWindows())
            {
                return CountWindows();
            }

            if (OperatingSystem.IsMacOS())
            {
                return CountMac();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException or EntryPointNotFoundException)
        {
            // Nobody tells: fall through to the logical processors.
        }

        return Environment.ProcessorCount;
    }

    /// <summary>Counts the different sets of sibling threads under <paramref name="folder"/> (Linux's /sys/devices/system/cpu).</summary>
    internal static int CountLinux(string folder)
    {
        HashSet<string> cores = [];
        foreach (string cpu in Directory.EnumerateDirectories(folder, "cpu*"))
        {
            string siblings = Path.Combine(cpu, "topology", "thread_siblings_list");
            if (int.TryParse(Path.GetFileName(cpu).AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out _) && File.Exists(siblings))
            {
                cores.Add(File.ReadAllText(siblings).Trim());
            }
        }

        return cores.Count > 0 ? cores.Count : Environment.ProcessorCount;
    }

    private static unsafe int CountWindows()
    {
        const int RelationProcessorCore = 0;
        uint length = 0;
        GetLogicalProcessorInformationEx(RelationProcessorCore, null, ref length);
        byte[] records = new byte[length];
        fixed (byte* start = records)
        {
            if (!GetLogicalProcessorInformationEx(RelationProcessorCore, start, ref length))
            {
                return Environment.ProcessorCount;
            }

            // One record a core; each begins with its kind and its size in bytes.
            int cores = 0;
            for (uint offset = 0; offset + 8 <= length; offset += *(uint*)(start + offset + 4))
            {
                cores++;
            }

            return cores;
        }
    }

    private static unsafe int CountMac()
    {
        int cores = 0;
        nuint size = sizeof(int);
        return SystemControlByName("hw.physicalcpu", &cores, ref size, null, 0) == 0 ? cores : Environment.ProcessorCount;
    }

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static unsafe partial bool GetLogicalProcessorInformationEx(int relation, byte* buffer, ref uint length);

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int SystemControlByName(string name, void* value, ref nuint size, void* newValue, nuint newSize);
}
