using System.IO.Enumeration;
using System.Text;

namespace Quatrain.Training.Data;

/// <summary>Reads text to train on from a file, or from all the text files of a folder.</summary>
public static class TextFiles
{
    // A string holds fewer than 2^30 characters, so the limit is a little below 1 GiB.
    private const long MaximumBytes = 1_000_000_000;

    /// <summary>What stands between two files of a folder where the tokenizer has no token for the end of a text.</summary>
    public const string LineEnd = "\n";

    /// <summary>The text of the file at <paramref name="path"/>, or of the <c>*.txt</c> and <c>*.md</c> files in and below that folder.</summary>
    /// <remarks>
    /// A folder's files are joined with <paramref name="separator"/>, where the text does not end with it already, in the ordinal order of their relative paths; hidden files and linked folders
    /// are left out. Text is UTF-8 whatever the locale, a byte order mark is dropped and line ends stay as they are.
    /// </remarks>
    /// <param name="path">The file or folder.</param>
    /// <param name="separator">What to put between two files of a folder.</param>
    /// <exception cref="InvalidDataException">There is nothing at the path, no text in it, too much, or it is not UTF-8.</exception>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static LoadedText Load(string path, string separator = LineEnd) => Load(path, separator, MaximumBytes);

    internal static LoadedText Load(string path, string separator, long maximumBytes)
    {
        string[] files = Find(path);
        long[] lengths = [.. files.Select(file => new FileInfo(file).Length)];
        if (lengths.Sum() > maximumBytes)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"'{path}' holds {lengths.Sum():N0} bytes, over the limit of {maximumBytes:N0}; use a part of it."));
        }

        string text = files.Length == 1
            ? StrictUtf8.Decode(ReadBytes(files[0], lengths[0]), files[0])
            : Join(files, lengths, separator);
        return text.Length > 0 ? LoadedText.From(text) : throw new InvalidDataException($"'{path}' is empty; name a file with text in it.");
    }

    private static string[] Find(string path)
    {
        if (File.Exists(path))
        {
            return [path];
        }

        if (!Directory.Exists(path))
        {
            throw new InvalidDataException($"There is no file or folder '{path}'; check the path.");
        }

        FileSystemEnumerable<string> found = new(path, (ref entry) => entry.ToFullPath(), new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = false,
            AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
        })
        {
            ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && HasTextExtension(entry.FileName),
            // A linked folder may lead back to where it lies.
            ShouldRecursePredicate = (ref entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
        string[] files =
            [.. found.OrderBy(file => Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/'), StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw new InvalidDataException($"Folder '{path}' holds no *.txt or *.md file.");
    }

    private static bool HasTextExtension(ReadOnlySpan<char> name) =>
        name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".md", StringComparison.OrdinalIgnoreCase);

    private static string Join(string[] files, long[] lengths, string separator)
    {
        StringBuilder text = new();
        bool isSeparated = true;
        for (int i = 0; i < files.Length; i++)
        {
            string part = StrictUtf8.Decode(ReadBytes(files[i], lengths[i]), files[i]);
            if (part.Length > 0)
            {
                text.Append(isSeparated ? "" : separator).Append(part);
                isSeparated = separator != LineEnd && part.AsSpan().TrimEnd().EndsWith(separator, StringComparison.Ordinal);
            }
        }

        return text.ToString();
    }

    // Reads no more than the length that was checked against the limit, should the file grow meanwhile.
    private static byte[] ReadBytes(string path, long length)
    {
        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
