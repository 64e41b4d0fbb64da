namespace Quatrain.Models.Hub;

/// <summary>Where models are fetched from and kept, as the environment variables of Hugging Face's own tools say.</summary>
/// <param name="Endpoint">The hub's address; no slash at the end.</param>
/// <param name="CacheFolder">The folder that holds a <c>models--OWNER--NAME</c> for each model.</param>
/// <param name="Token">What makes the user known to the hub, or null.</param>
/// <param name="IsOffline">Whether the network must not be used.</param>
public sealed record HubSettings(Uri Endpoint, string CacheFolder, string? Token = null, bool IsOffline = false)
{
    private const string DefaultEndpoint = "https://huggingface.co";
    private const int LongestToken = 4096;

    /// <summary>
    /// HF_ENDPOINT; HF_HUB_CACHE, or <c>hub</c> in HF_HOME, or <c>huggingface/hub</c> in XDG_CACHE_HOME or <c>~/.cache</c>; HF_TOKEN, or the file
    /// that HF_TOKEN_PATH names, or <c>token</c> in HF_HOME; HF_HUB_OFFLINE.
    /// </summary>
    /// <exception cref="InvalidDataException">HF_ENDPOINT is no address, or the token holds characters that no token has.</exception>
    /// <exception cref="IOException">The user has no home folder and no variable names another.</exception>
    public static HubSettings FromEnvironment() => From(
        Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <inheritdoc cref="FromEnvironment"/>
    internal static HubSettings From(Func<string, string?> readVariable, string userFolder)
    {
        string? Read(params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                if (readVariable(name)?.Trim() is { Length: > 0 } value)
                {
                    return value;
                }
            }

            return null;
        }

        string? ReadPath(params ReadOnlySpan<string> names) => Read(names) is { } path ? Path.GetFullPath(Expand(path, userFolder)) : null;

        string? home = ReadPath("HF_HOME")
            ?? (ReadPath("XDG_CACHE_HOME") is { } caches ? Path.Combine(caches, "huggingface")
            : userFolder.Length > 0 ? Path.Combine(userFolder, ".cache", "huggingface") : null);
        string cache = ReadPath("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? (home is not null ? Path.Combine(home, "hub")
            : throw new IOException("There is no home folder to keep models in; set HF_HOME to a folder."));
        bool isSilent = IsTrue(Read("HF_HUB_DISABLE_IMPLICIT_TOKEN"));
        string? token = Read("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
        if (token is null && !isSilent && (ReadPath("HF_TOKEN_PATH") ?? (home is not null ? Path.Combine(home, "token") : null)) is { } tokenPath)
        {
            token = ReadTokenFile(tokenPath);
        }

        // The message must not show the token.
        if (token is not null && (token.Length > LongestToken || token.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            throw new InvalidDataException("The Hugging Face token holds spaces or characters that no token has; set HF_TOKEN to the token alone.");
        }

        return new HubSettings(ParseEndpoint(Read("HF_ENDPOINT") ?? DefaultEndpoint), cache, token, IsTrue(Read("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")));
    }

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out Uri? endpoint)
            && (endpoint.Scheme == Uri.UriSchemeHttps || endpoint.Scheme == Uri.UriSchemeHttp)
            && endpoint is { Query: "", Fragment: "", UserInfo: "" }
            ? endpoint
            : throw new InvalidDataException($"HF_ENDPOINT is '{text}', which is no web address; set it to one such as {DefaultEndpoint}.");

    private static string? ReadTokenFile(string path)
    {
        try
        {
            using StreamReader reader = new(path);
            char[] text = new char[LongestToken + 2];
            string token = new string(text, 0, reader.ReadBlock(text)).Trim();
            return token.Length > 0 ? token : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static string Expand(string path, string userFolder) => Environment.ExpandEnvironmentVariables(
        path == "~" ? userFolder : path.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(userFolder, path[2..]) : path);

    private static bool IsTrue(string? value) => value?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
}
