using System.Net;
using System.Net.Http.Headers;

namespace Quatrain.Models.Hub;

/// <summary>
/// Asks the hub and follows where it sends. The token goes to the hub's own address only, never to one that it redirects to; what fails in passing is a
/// <see cref="TransientException"/>, what will fail again the error to show.
/// </summary>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10;
    private const int LargestHeadersKilobytes = 64;
    private const int LargestJson = 16 << 20;

    private readonly HttpClient _http;
    private readonly DownloadOptions _options;
    private bool _wasReached;

    public HubClient(HubSettings settings, DownloadOptions options)
    {
        (Settings, _options) = (settings, options);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            // Lengths and ranges are those of the file.
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            // A proxy named in the environment can't reach this machine's own loopback address.
            UseProxy = !settings.Endpoint.IsLoopback,
            ConnectTimeout = options.StallTimeout,
            MaxResponseHeadersLength = LargestHeadersKilobytes,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        string version = typeof(HubClient).Assembly.GetName().Version?.ToString(3) ?? "0";
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("quatrain", version));
    }

    public HubSettings Settings { get; }

    /// <summary>The address of <paramref name="path"/>, whose parts are escaped, at the hub.</summary>
    public Uri Address(string path) => new($"{Settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    /// <summary>The address of a file's content.</summary>
    public Uri FileAddress(HubModelName name, string commit, string file) =>
        Address($"{name.Repository}/resolve/{commit}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}");

    /// <summary>A small answer as a whole.</summary>
    public Task<ReadOnlyMemory<byte>> GetJsonAsync(Uri address, HubModelName name, Action<string> note, CancellationToken cancellation) => RetryAsync(
        async () =>
        {
            using HttpResponseMessage response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, address), name, null, cancellation).ConfigureAwait(false);
            using Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            using MemoryStream json = new();
            byte[] buffer = new byte[1 << 16];
            while (await ReadAsync(stream, buffer, cancellation).ConfigureAwait(false) is > 0 and int count)
            {
                json.Write(buffer, 0, count);
                if (json.Length > LargestJson)
                {
                    throw HubErrors.Strange(Settings, $"its list of files is longer than {LargestJson >> 20} MiB");
                }
            }

            return new ReadOnlyMemory<byte>(json.GetBuffer(), 0, (int)json.Length);
        },
        $"the list of files of '{name}'", note, cancellation);

    /// <summary>What the hub says of a file, without its content: large ones are told of by the answer that sends elsewhere.</summary>
    public Task<HubFile> DescribeAsync(HubModelName name, string commit, string file, Action<string> note, CancellationToken cancellation) => RetryAsync(
        async () =>
        {
            Uri address = FileAddress(name, commit, file);
            using HttpResponseMessage response = await SendAsync(
                () => new HttpRequestMessage(HttpMethod.Head, address), name, file, cancellation, isEnough: r => r.Headers.Contains("X-Linked-Etag")).ConfigureAwait(false);
            string hash = (Header(response, "X-Linked-Etag") ?? response.Headers.ETag?.Tag ?? "").Replace("W/", "", StringComparison.Ordinal).Trim('"');
            long? length = long.TryParse(Header(response, "X-Linked-Size"), out long linked) ? linked : response.Content.Headers.ContentLength;
            return HubFile.IsHash(hash) && length is >= 0 ? new HubFile(file, length.Value, hash)
                : throw HubErrors.Strange(Settings, $"it does not say how long '{file}' is and what its checksum is");
        },
        $"'{file}' of '{name}'", note, cancellation);

    /// <summary>Sends a request, again to wherever it is redirected, until there is an answer with content.</summary>
    /// <param name="request">Makes the request; its address and token are set here.</param>
    /// <param name="name">The model, for errors.</param>
    /// <param name="file">The file, for errors.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="isEnough">Whether a redirect is itself the answer.</param>
    public async Task<HttpResponseMessage> SendAsync(
        Func<HttpRequestMessage> request, HubModelName name, string? file, CancellationToken cancellation, Func<HttpResponseMessage, bool>? isEnough = null)
    {
        Uri? address = null;
        for (int redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using HttpRequestMessage message = request();
            address ??= message.RequestUri!;
            message.RequestUri = address;
            bool isHub = address.Scheme == Settings.Endpoint.Scheme && address.Authority == Settings.Endpoint.Authority;
            if (isHub && Settings.Token is not null)
            {
                message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Settings.Token);
            }

            HttpResponseMessage response = await SendOnceAsync(message, cancellation).ConfigureAwait(false);
            if (response.IsSuccessStatusCode || isEnough?.Invoke(response) == true)
            {
                return response;
            }

            using (response)
            {
                address = IsRedirect(response.StatusCode) && response.Headers.Location is { } location
                    ? Follow(address, location)
                    : throw Failure(response, isHub, name, file);
            }
        }

        throw HubErrors.Strange(Settings, "it redirects in a circle");
    }

    /// <summary>Reads what has arrived, or waits for it as long as a connection may say nothing.</summary>
    /// <returns>The bytes read; 0 at the end.</returns>
    public Task<int> ReadAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellation) =>
        WithinAsync(async token => await stream.ReadAsync(buffer, token).ConfigureAwait(false), cancellation);

    /// <summary>Tries until it succeeds, fails for good, or has failed too often.</summary>
    public async Task<T> RetryAsync<T>(Func<Task<T>> attempt, string what, Action<string> note, CancellationToken cancellation)
    {
        for (int failures = 1; ; failures++)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (TransientException error)
            {
                await DelayAsync(error, failures, what, note, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits after a failure, or gives up.</summary>
    /// <exception cref="IOException">There were too many failures, or the server asks for too long a wait.</exception>
    public async Task DelayAsync(TransientException error, int failures, string what, Action<string> note, CancellationToken cancellation)
    {
        TimeSpan delay = error.RetryAfter ?? _options.Delay(failures);
        if (failures >= _options.Tries || delay > _options.LongestDelay)
        {
            throw HubErrors.GivenUp(error, failures, Settings, what);
        }

        note($"{char.ToUpperInvariant(error.Message[0])}{error.Message[1..]} while fetching {what}; trying again in {Math.Ceiling(delay.TotalSeconds):0} s.");
        await Task.Delay(delay, cancellation).ConfigureAwait(false);
    }

    public void Dispose() => _http.Dispose();

    private static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage message, CancellationToken cancellation)
    {
        try
        {
            HttpResponseMessage response = await WithinAsync(
                token => _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, token), cancellation).ConfigureAwait(false);
            _wasReached = true;
            return response;
        }
        catch (HttpRequestException error) when (!_wasReached && error.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
            || error.HttpRequestError is HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError)
        {
            throw HubErrors.Unreachable(message.RequestUri!, error);
        }
    }

    /// <summary>Runs one wait for the network; a failure of it may pass.</summary>
    private async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> wait, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_options.StallTimeout);
        try
        {
            return await wait(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (!cancellation.IsCancellationRequested)
        {
            throw new TransientException($"nothing arrived for {_options.StallTimeout.TotalSeconds:0.#} seconds", inner: error);
        }
        catch (HttpRequestException error) when (_wasReached && error.HttpRequestError is not (HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError)
            || error.HttpRequestError is HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.Unknown)
        {
            throw new TransientException(LowerFirst(HubErrors.Reason(error)), inner: error);
        }
        catch (IOException error) when (error is not TransientException)
        {
            throw new TransientException(error is HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } ? "the connection was cut" : LowerFirst(HubErrors.Reason(error)), inner: error);
        }
    }

    private Uri Follow(Uri from, Uri location)
    {
        Uri to = location.IsAbsoluteUri ? location : new Uri(from, location);
        bool isSafe = to.Scheme == Uri.UriSchemeHttps || (to.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp);
        return isSafe ? to : throw HubErrors.Strange(Settings, "it redirects to an address that is not safe");
    }

    private Exception Failure(HttpResponseMessage response, bool isHub, HubModelName name, string? file)
    {
        HttpStatusCode status = response.StatusCode;
        if ((int)status >= 500 || status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout)
        {
            string reason = status == HttpStatusCode.TooManyRequests ? "too many requests (429)" : $"the server failed ({(int)status})";
            RetryConditionHeaderValue? wait = response.Headers.RetryAfter;
            TimeSpan? delay = wait?.Delta ?? (wait?.Date is { } date ? date - DateTimeOffset.UtcNow : null);
            return new TransientException(reason, delay is { } d && d < TimeSpan.Zero ? TimeSpan.Zero : delay);
        }

        // Where the hub redirects to, an address is good for a while only: asking the hub again gives a new one.
        return isHub ? HubErrors.Refused(status, Header(response, "X-Error-Code"), Settings, name, file)
            : new TransientException($"the server it is kept on refused ({(int)status})");
    }

    private static string LowerFirst(string text) => text.Length > 0 ? $"{char.ToLowerInvariant(text[0])}{text[1..]}" : "the connection failed";
}
