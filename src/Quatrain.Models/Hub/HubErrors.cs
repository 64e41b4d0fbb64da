using System.Net;

namespace Quatrain.Models.Hub;

/// <summary>What a person is told when the hub does not give what was asked for.</summary>
internal static class HubErrors
{
    /// <summary>The error for an answer that no further try will change.</summary>
    /// <param name="status">Below 500, and not one that asks to try again.</param>
    /// <param name="code">The hub's own word for it, or null.</param>
    /// <param name="settings">Where it was asked.</param>
    /// <param name="name">The model.</param>
    /// <param name="file">The file, or null where the model itself was asked for.</param>
    public static Exception Refused(HttpStatusCode status, string? code, HubSettings settings, HubModelName name, string? file)
    {
        string what = file is null ? $"the model '{name}'" : $"'{file}' of '{name}'";
        string host = settings.Endpoint.Authority;
        bool isAbsent = status is HttpStatusCode.NotFound or HttpStatusCode.Gone || code == "RepoNotFound";
        return (status, code) switch
        {
            (_, "GatedRepo") or (HttpStatusCode.Forbidden, _) => new InvalidDataException(
                $"{host} does not give out {what} to {(settings.Token is null ? "everyone" : "the owner of this token")}: accept its terms at "
                + $"{settings.Endpoint}{(settings.Endpoint.AbsolutePath == "/" ? "" : "/")}{name.Repository}, and set HF_TOKEN to a token of that account."),
            (HttpStatusCode.Unauthorized, _) when settings.Token is null => new InvalidDataException(
                $"{host} has no public model '{name.Repository}': check the name, or set HF_TOKEN to a token if it is private."),
            (HttpStatusCode.Unauthorized, _) when !isAbsent => new InvalidDataException(
                $"{host} refuses the token for {what}; set HF_TOKEN to a valid one, or to none for a public model."),
            (_, "RevisionNotFound") => new InvalidDataException($"'{name.Repository}' has no revision '{name.Revision}' at {host}; leave out --revision for its newest."),
            _ when isAbsent && file is null => new InvalidDataException(
                $"{host} has no model '{name.Repository}'{(name.Revision == HubModelName.DefaultRevision ? "" : $", or none with the revision '{name.Revision}'")}; check the name"
                + $"{(settings.Token is null ? ", or set HF_TOKEN to a token if it is private." : ".")}"),
            _ when isAbsent => new InvalidDataException($"{host} no longer has {what}, though it lists it; try again later."),
            _ => new IOException($"{host} answered {(int)status} for {what}; check HF_ENDPOINT, or try again later."),
        };
    }

    /// <summary>The error after the last of several tries.</summary>
    public static IOException GivenUp(TransientException last, int tries, HubSettings settings, string what) => new(
        $"Could not fetch {what} from {settings.Endpoint.Authority}: {last.Message}{(tries > 1 ? $", {tries} times in a row" : "")}; the same command goes on from where it stopped.", last);

    /// <summary>The error where there is no way to the hub at all.</summary>
    public static IOException Unreachable(Uri address, HttpRequestException error)
    {
        string reason = error.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => "its name is unknown here",
            HttpRequestError.SecureConnectionError => "its certificate is not trusted, or it speaks no TLS",
            HttpRequestError.ProxyTunnelError => "the proxy refuses",
            _ => Reason(error),
        };
        return new IOException(
            $"Could not reach {address.Authority}: {reason}; check the network and the proxy, set HF_ENDPOINT to another address of the hub, or give a folder instead of a name.", error);
    }

    /// <summary>The error where the answer is not what the hub's interface promises.</summary>
    public static IOException Strange(HubSettings settings, string problem) =>
        new($"{settings.Endpoint.Authority} did not answer as the hub does: {problem}; check HF_ENDPOINT.");

    /// <summary>The error of offline use.</summary>
    public static InvalidDataException NotThere(HubModelName name, HubSettings settings) => new(
        $"'{name}' is not in '{settings.CacheFolder}', and HF_HUB_OFFLINE forbids to fetch it; unset that variable, or copy the model there.");

    /// <summary>The innermost words of a failed connection, without a full stop.</summary>
    public static string Reason(Exception error)
    {
        while (error.InnerException is { } inner)
        {
            error = inner;
        }

        return error.Message.TrimEnd('.');
    }
}
