namespace Quatrain.Inference;

/// <summary>Reads a file line by line, as bytes, with bounds on a line and on the whole.</summary>
public static class JsonLines
{
    /// <summary>The most bytes of a line.</summary>
    public const int MaxLineBytes = 1 << 20;

    private const long MaxBytes = 1L << 30;

    /// <summary>The lines of a file, without their ends; each is only good until the next is asked for.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="path">Its name, for messages.</param>
    /// <param name="invalid">The complaint about a line, from its number and what is wrong, such as "there are more than 100 bytes".</param>
    /// <exception cref="InvalidDataException">A line or the file is too long.</exception>
    public static IEnumerable<ReadOnlyMemory<byte>> Read(Stream stream, string path, Func<int, string, InvalidDataException> invalid)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(invalid);
        return ReadLines();

        IEnumerable<ReadOnlyMemory<byte>> ReadLines()
        {
            byte[] buffer = new byte[1 << 16];
            int start = 0, end = 0, line = 1;
            long total = 0;
            while (true)
            {
                int found = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
                if (found >= 0 && found <= MaxLineBytes)
                {
                    yield return buffer.AsMemory(start, found);
                    start += found + 1;
                    line++;
                    continue;
                }

                if (end - start > MaxLineBytes)
                {
                    throw invalid(line, $"there are more than {MaxLineBytes:N0} bytes");
                }

                buffer.AsSpan(start, end - start).CopyTo(buffer);
                (start, end) = (0, end - start);
                if (end == buffer.Length)
                {
                    Array.Resize(ref buffer, 2 * buffer.Length);
                }

                int read = stream.Read(buffer, end, buffer.Length - end);
                end += read;
                total += read;
                if (total > MaxBytes)
                {
                    throw new InvalidDataException($"'{path}' has more than {MaxBytes:N0} bytes; use a part of it.");
                }

                if (read == 0)
                {
                    if (end > 0)
                    {
                        yield return buffer.AsMemory(0, end);
                    }

                    yield break;
                }
            }
        }
    }
}
