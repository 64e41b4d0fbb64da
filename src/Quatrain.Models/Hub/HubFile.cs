using System.Security.Cryptography;
using System.Text;

namespace Quatrain.Models.Hub;

/// <summary>A file of a model on the hub.</summary>
/// <param name="Name">Its path in the model's folder, with '/'.</param>
/// <param name="ByteCount">Its length.</param>
/// <param name="Hash">
/// What identifies its content, in lower-case hexadecimal: 64 digits are the SHA-256 of a large file, 40 the SHA-1 that git gives a small one.
/// </param>
internal sealed record HubFile(string Name, long ByteCount, string Hash)
{
    private const int BufferSize = 1 << 20;
    private const int Sha1Digits = 40;
    private const int Sha256Digits = 64;

    /// <summary>Whether <paramref name="text"/> can be a <see cref="Hash"/>, and so the name of a file.</summary>
    public static bool IsHash(string? text) => text?.Length == Sha256Digits ? IsHex(text) : IsCommit(text);

    /// <summary>Whether <paramref name="text"/> can be the name of a commit.</summary>
    public static bool IsCommit(string? text) => text?.Length == Sha1Digits && IsHex(text);

    /// <summary>Whether the file at <paramref name="path"/> has this length and content.</summary>
    public bool IsContentOf(string path, Action<int>? read, CancellationToken cancellation)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);
        if (stream.Length != ByteCount)
        {
            return false;
        }

        bool isGit = Hash.Length == Sha1Digits;
        // Git's own identity of a file, which the hub keeps: no choice of ours.
#pragma warning disable CA5350
        using IncrementalHash hash = IncrementalHash.CreateHash(isGit ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
#pragma warning restore CA5350
        if (isGit)
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"blob {ByteCount}\0"));
        }

        byte[] buffer = new byte[(int)Math.Clamp(ByteCount, 1, BufferSize)];
        while (stream.Read(buffer) is > 0 and int count)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
            read?.Invoke(count);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset()) == Hash;
    }

    private static bool IsHex(string text) => text.All(c => char.IsAsciiDigit(c) || c is >= 'a' and <= 'f');
}
