namespace Quatrain.Training.Data;

/// <summary>Karpathy's tiny Shakespeare: 1,115,394 characters of plays, 65 of them different; fetched once and kept.</summary>
public static class TinyShakespeare
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private static readonly CachedDownload Download = new(
        new Uri("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"),
        "tinyshakespeare.txt",
        1_115_394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed");

    /// <summary>Where the text is fetched from.</summary>
    public static Uri Address => Download.Address;

    /// <summary>Where the text is kept.</summary>
    /// <exception cref="IOException">The user has no cache folder.</exception>
    public static string CachePath => Path.Combine(CacheFolder.Find(), Download.FileName);

    /// <summary>The text, from the cache folder or else from the network; a cached file with other content is replaced.</summary>
    /// <exception cref="IOException">The text can't be fetched; the message says why and what to do without the network.</exception>
    public static Task<LoadedText> LoadAsync(CancellationToken cancellation = default) =>
        LoadAsync(Download, CacheFolder.Find(), Timeout, cancellation);

    internal static Task<LoadedText> LoadAsync(Uri address, string cacheFolder, TimeSpan timeout, CancellationToken cancellation = default) =>
        LoadAsync(Download with { Address = address }, cacheFolder, timeout, cancellation);

    private static async Task<LoadedText> LoadAsync(CachedDownload download, string cacheFolder, TimeSpan timeout, CancellationToken cancellation)
    {
        byte[] bytes = await download.GetAsync(cacheFolder, timeout, cancellation).ConfigureAwait(false);
        return LoadedText.From(StrictUtf8.Decode(bytes, download.FileName));
    }
}
