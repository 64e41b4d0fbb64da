using System.Text;

namespace Quatrain.Models.Checkpoints;

/// <summary>Writes a file so that a crash at any moment leaves either the whole old content or the whole new one.</summary>
/// <remarks>
/// The content goes to a temporary file in the same folder, is flushed to the disk and then renamed over the target. A temporary
/// file that a crash left behind is removed by the next write of the same target; one that another writer still holds is left alone.
/// A target that is a symbolic link is replaced by a file; what the link pointed at stays as it is.
/// </remarks>
public static class AtomicFile
{
    private const int BufferSize = 1 << 16;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static int _writeCount;

    /// <summary>Replaces the content of <paramref name="path"/> by what <paramref name="write"/> puts into its stream.</summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="write">Writes the content; whatever it throws leaves the old file untouched.</param>
    /// <exception cref="IOException">The folder is absent or the disk is full or fails; the message names the path.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the target may not be written; the message names the path.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string target = Path.GetFullPath(path);
        string folder = RequirePlace(path, target);

        try
        {
            RemoveLeftovers(folder, target);
            int count = Interlocked.Increment(ref _writeCount);
            string temporary = $"{TemporaryPrefix(target)}{Environment.ProcessId}-{count}.tmp";
            try
            {
                using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferSize))
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }

                File.Move(temporary, target, overwrite: true);
            }
            catch
            {
                TryDelete(temporary);
                throw;
            }
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UnauthorizedAccessException(
                $"Cannot write '{path}': access is denied; check the permissions of '{folder}' or choose another folder.", error);
        }
        catch (IOException error) when (DiskSpace.IsFull(error))
        {
            throw CannotWrite(path, "the disk is full; free some space or choose another folder", error);
        }
        catch (IOException error)
        {
            throw CannotWrite(path, error.Message.TrimEnd('.'), error);
        }
    }

    /// <summary>Replaces the content of <paramref name="path"/> by <paramref name="text"/> in UTF-8 without a byte order mark.</summary>
    /// <exception cref="ArgumentException">The text holds half of a surrogate pair, which UTF-8 cannot express.</exception>
    /// <exception cref="IOException">As for <see cref="Write"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">As for <see cref="Write"/>.</exception>
    public static void WriteText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] bytes = StrictUtf8.GetBytes(text);
        Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Checks that <see cref="Write"/> would find a folder to write <paramref name="path"/> to, and no folder of that name.</summary>
    /// <exception cref="IOException">It would not; the message names the path.</exception>
    public static void RequirePlace(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RequirePlace(path, Path.GetFullPath(path));
    }

    /// <returns>The folder.</returns>
    private static string RequirePlace(string path, string target)
    {
        string folder = Path.GetDirectoryName(target) ?? throw CannotWrite(path, "it is not a file name", null);
        if (Directory.Exists(target))
        {
            throw CannotWrite(path, "a folder has that name; choose another file name", null);
        }

        if (!Directory.Exists(folder))
        {
            string problem = File.Exists(folder)
                ? "is a file, not a folder; choose another folder"
                : "does not exist; create the folder first";
            throw new DirectoryNotFoundException($"Cannot write '{path}': '{folder}' {problem}.");
        }

        return folder;
    }

    private static string TemporaryPrefix(string target) =>
        Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.");

    private static void RemoveLeftovers(string folder, string target)
    {
        string prefix = TemporaryPrefix(target);
        foreach (string file in Directory.EnumerateFiles(folder, ".*.tmp"))
        {
            if (file.StartsWith(prefix, StringComparison.Ordinal) && IsWriteNumber(file.AsSpan()[prefix.Length..^".tmp".Length]))
            {
                TryDeleteUnheld(file);
            }
        }
    }

    // "<process id>-<count>", so that no user's own file is ever taken for a leftover.
    private static bool IsWriteNumber(ReadOnlySpan<char> text)
    {
        int dash = text.IndexOf('-');
        return dash > 0 && dash < text.Length - 1
            && !text[..dash].ContainsAnyExceptInRange('0', '9') && !text[(dash + 1)..].ContainsAnyExceptInRange('0', '9');
    }

    private static void TryDeleteUnheld(string file)
    {
        try
        {
            // Opening fails while another writer holds the file, so only what a crash left behind goes.
            new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A leftover that will not go does not hinder this write: its own temporary file has another name.
        }
    }

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The failure that led here is the one to report; the next write removes the leftover.
        }
    }

    private static IOException CannotWrite(string path, string problem, Exception? inner) =>
        new($"Cannot write '{path}': {problem}.", inner);
}
