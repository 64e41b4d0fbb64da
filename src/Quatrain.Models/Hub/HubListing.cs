using System.Text.Json;

namespace Quatrain.Models.Hub;

/// <summary>The files of one commit of a model, as the hub lists them.</summary>
/// <param name="Commit">The commit, 40 hexadecimal digits.</param>
/// <param name="Files">Length and checksum of each file by its name, or null where the hub does not tell; names are as the server gives them.</param>
internal sealed record HubListing(string Commit, IReadOnlyDictionary<string, HubFile?> Files)
{
    /// <summary>Asks for the files of a revision.</summary>
    public static async Task<HubListing> FetchAsync(HubClient client, HubModelName name, Action<string> note, CancellationToken cancellation)
    {
        Uri address = client.Address($"api/models/{name.Repository}/revision/{Uri.EscapeDataString(name.Revision)}?blobs=true");
        ReadOnlyMemory<byte> json = await client.GetJsonAsync(address, name, note, cancellation).ConfigureAwait(false);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Read(document.RootElement) ?? throw HubErrors.Strange(client.Settings, "its list of files lacks a commit or names");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw HubErrors.Strange(client.Settings, "its list of files is not valid JSON");
        }
    }

    /// <summary>The listing in <paramref name="json"/>, or null where it is none.</summary>
    /// <exception cref="InvalidOperationException">A text is not valid Unicode.</exception>
    internal static HubListing? Read(JsonElement json)
    {
        string? commit = Text(json, "sha");
        if (!HubFile.IsCommit(commit) || !json.TryGetProperty("siblings", out JsonElement siblings) || siblings.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        Dictionary<string, HubFile?> files = new(StringComparer.Ordinal);
        foreach (JsonElement sibling in siblings.EnumerateArray())
        {
            if (Text(sibling, "rfilename") is not { } file)
            {
                return null;
            }

            // A large file is stored outside git, under its SHA-256; what git has in its place is a pointer to it.
            bool isLarge = Member(sibling, "lfs") is { ValueKind: JsonValueKind.Object };
            JsonElement content = isLarge ? Member(sibling, "lfs")!.Value : sibling;
            string? hash = Text(content, isLarge ? "sha256" : "blobId");
            bool isKnown = HubFile.IsHash(hash) && (hash!.Length == 64) == isLarge
                && Member(content, "size") is { ValueKind: JsonValueKind.Number } size && size.TryGetInt64(out long length) && length >= 0;
            files[file] = isKnown ? new HubFile(file, Member(content, "size")!.Value.GetInt64(), hash!) : null;
        }

        return new HubListing(commit!, files);
    }

    private static JsonElement? Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement member) ? member : null;

    private static string? Text(JsonElement element, string name) =>
        Member(element, name) is { ValueKind: JsonValueKind.String } member ? member.GetString() : null;
}
