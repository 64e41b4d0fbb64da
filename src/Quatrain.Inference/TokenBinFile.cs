using System.Buffers.Binary;

namespace Quatrain.Inference;

/// <summary>Reads files of token ids as nanoGPT writes them: little-endian 16-bit unsigned integers and nothing else.</summary>
public static class TokenBinFile
{
    private const int BytesPerToken = sizeof(ushort);

    private const int ChunkBytes = 1 << 16;

    /// <summary>All token ids of the file; they take twice the memory that the file has bytes.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is empty, ends within a token, has more tokens than an array can hold, or has an id outside the vocabulary.
    /// </exception>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public static int[] Read(string path, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        if (!File.Exists(path))
        {
            string problem = Directory.Exists(path) ? $"'{path}' is a folder" : $"There is no token file '{path}'";
            throw new FileNotFoundException($"{problem}; name a file of 16-bit token ids.", path);
        }

        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        if (!stream.CanSeek)
        {
            throw new InvalidDataException($"'{path}' is not an ordinary file, so its length is not known; copy it to a file first.");
        }

        int[] ids = new int[CountTokens(stream.Length, path)];
        byte[] chunk = new byte[ChunkBytes];
        for (int read = 0; read < ids.Length;)
        {
            int count = Math.Min(ids.Length - read, ChunkBytes / BytesPerToken);
            stream.ReadExactly(chunk, 0, count * BytesPerToken);
            for (int i = 0; i < count; i++)
            {
                int id = BinaryPrimitives.ReadUInt16LittleEndian(chunk.AsSpan(i * BytesPerToken));
                if (id >= vocabularySize)
                {
                    throw new InvalidDataException(
                        $"'{path}' has token id {id} at index {read + i}, outside the model's vocabulary of {vocabularySize} tokens; " +
                        "make the file with the model's own tokenizer.");
                }

                ids[read + i] = id;
            }

            read += count;
        }

        return ids;
    }

    internal static int CountTokens(long length, string path)
    {
        if (length == 0)
        {
            throw new InvalidDataException($"'{path}' is empty; a token file holds at least one token of {BytesPerToken} bytes.");
        }

        if (length % BytesPerToken != 0)
        {
            throw new InvalidDataException(
                $"'{path}' has {length} bytes, which is not a whole number of {BytesPerToken}-byte tokens; " +
                "it is cut off or not a file of 16-bit token ids.");
        }

        return length / BytesPerToken <= Array.MaxLength
            ? (int)(length / BytesPerToken)
            : throw new InvalidDataException(
                $"'{path}' has {length / BytesPerToken} tokens, more than the {Array.MaxLength} that can be read at once; split it.");
    }
}
