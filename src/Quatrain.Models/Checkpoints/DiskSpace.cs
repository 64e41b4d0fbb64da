namespace Quatrain.Models.Checkpoints;

/// <summary>How much a disk still holds, and the error of one that holds no more.</summary>
public static class DiskSpace
{
    // Errno of Linux and macOS, and the HRESULTs of ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
    private const int NoSpaceUnix = 28;
    private const int NoSpaceWindowsHandle = unchecked((int)0x80070027);
    private const int NoSpaceWindows = unchecked((int)0x80070070);

    /// <summary>Whether <paramref name="error"/> says that the disk is full.</summary>
    public static bool IsFull(IOException error) => error.HResult is NoSpaceUnix or NoSpaceWindows or NoSpaceWindowsHandle;

    /// <summary>The bytes that the user may still write in <paramref name="folder"/>, or null where the system doesn't say.</summary>
    public static long? FreeBytes(string folder)
    {
        try
        {
            // Windows asks for a drive; elsewhere any folder tells of the disk it is on.
            string place = Path.GetFullPath(folder);
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(place)! : place).AvailableFreeSpace;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
