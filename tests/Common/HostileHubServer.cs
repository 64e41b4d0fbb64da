using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Quatrain.Tests;

/// <summary>
/// A model hub on this machine, with a second address for large files as the real one has. A test changes any answer by <see cref="Rule"/>: cut it, stall it, let
/// it lie. Every answer ends its connection.
/// </summary>
internal sealed class HostileHubServer : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private const byte TlsHandshake = 0x16;

    private readonly TcpListener _hub = new(IPAddress.Loopback, 0);
    private readonly TcpListener _store = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, bool> _tasks = new();
    private readonly ConcurrentQueue<HubRequest> _requests = new();
    private readonly Dictionary<string, (byte[] Content, bool IsLarge)> _files = new(StringComparer.Ordinal);
    private long _servedBytes;

    public HostileHubServer()
    {
        foreach (TcpListener listener in (TcpListener[])[_hub, _store])
        {
            listener.Start();
            Track(AcceptAsync(listener));
        }
    }

    public Uri Endpoint => new($"http://127.0.0.1:{((IPEndPoint)_hub.LocalEndpoint).Port}");

    /// <summary>Where large files lie.</summary>
    public Uri Store => new($"http://127.0.0.1:{((IPEndPoint)_store.LocalEndpoint).Port}");

    public string Repository { get; set; } = "openai-community/gpt2";

    /// <summary>Changes an answer: given the request and what an honest hub would say.</summary>
    public Func<HubRequest, HubAnswer, HubAnswer> Rule { get; set; } = (_, honest) => honest;

    /// <summary>All requests so far.</summary>
    public IReadOnlyList<HubRequest> Requests => [.. _requests];

    /// <summary>The bytes of files sent so far.</summary>
    public long ServedBytes => Interlocked.Read(ref _servedBytes);

    // Git's own identity of a file.
#pragma warning disable CA5350
    public static string GitHash(byte[] content) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public void Add(string name, byte[] content, bool isLarge = false) => _files[name] = (content, isLarge);

    public void Add(string name, string content) => Add(name, Encoding.UTF8.GetBytes(content));

    public byte[] Content(string name) => _files[name].Content;

    /// <summary>The file's name in blobs.</summary>
    public string Hash(string name) => _files[name].IsLarge ? Sha256(_files[name].Content) : GitHash(_files[name].Content);

    public void Dispose()
    {
        _stop.Cancel();
        Task.WaitAll([.. _tasks.Keys]);
        _hub.Dispose();
        _store.Dispose();
        _stop.Dispose();
    }

    /// <summary>What the hub lists.</summary>
    public string Listing(bool hasBlobs = true) => JsonSerializer.Serialize(new
    {
        id = Repository,
        sha = Commit,
        siblings = _files.Select(file => !hasBlobs ? new Dictionary<string, object> { ["rfilename"] = file.Key }
            : file.Value.IsLarge
            ? new Dictionary<string, object>
            {
                ["rfilename"] = file.Key,
                ["size"] = file.Value.Content.Length,
                ["blobId"] = GitHash(Encoding.UTF8.GetBytes("a pointer")),
                ["lfs"] = new { sha256 = Hash(file.Key), size = file.Value.Content.Length, pointerSize = 134 },
            }
            : new Dictionary<string, object> { ["rfilename"] = file.Key, ["size"] = file.Value.Content.Length, ["blobId"] = Hash(file.Key) }).ToArray(),
    });

    private HubAnswer Honest(HubRequest request)
    {
        if (request.IsStore)
        {
            (string name, (byte[] content, _)) = _files.FirstOrDefault(file => request.Path == $"/store/{Sha256(file.Value.Content)}");
            return name is null ? HubAnswer.Of(403) : Part(request, content, $"\"store-{name.Length}\"");
        }

        if (request.Path.StartsWith($"/api/models/{Repository}/revision/", StringComparison.Ordinal))
        {
            return new HubAnswer(200, [("Content-Type", "application/json")], Encoding.UTF8.GetBytes(Listing(request.Query == "blobs=true")));
        }

        string prefix = $"/{Repository}/resolve/{Commit}/";
        string file = request.Path.StartsWith(prefix, StringComparison.Ordinal) ? Uri.UnescapeDataString(request.Path[prefix.Length..]) : "";
        if (!_files.TryGetValue(file, out (byte[] Content, bool IsLarge) found))
        {
            string code = request.Path.Contains(Repository, StringComparison.Ordinal) ? "EntryNotFound" : "RepoNotFound";
            return HubAnswer.Of(404, ("X-Error-Code", code));
        }

        return found.IsLarge
            ? HubAnswer.Of(
                302, ("Location", $"{Store}store/{Hash(file)}"), ("X-Repo-Commit", Commit),
                ("X-Linked-Size", $"{found.Content.Length}"), ("X-Linked-Etag", $"\"{Hash(file)}\""))
            : Part(request, found.Content, $"\"{Hash(file)}\"");
    }

    /// <summary>The content, or the part of it that was asked for.</summary>
    public static HubAnswer Part(HubRequest request, byte[] content, string tag)
    {
        if (request.Range is not { } range || (request.Header("If-Range") is { } condition && condition != tag))
        {
            return new HubAnswer(200, [("ETag", tag), ("Accept-Ranges", "bytes")], content);
        }

        int from = (int)range.From, to = (int)Math.Min(range.To, content.Length - 1);
        return new HubAnswer(206, [("ETag", tag), ("Content-Range", $"bytes {from}-{to}/{content.Length}")], content[from..(to + 1)]);
    }

    private void Track(Task task)
    {
        _tasks.TryAdd(task, true);
        task.ContinueWith(done => _tasks.TryRemove(done, out _), TaskScheduler.Default);
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Track(ServeAsync(await listener.AcceptSocketAsync(_stop.Token), listener == _store));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(Socket caller, bool isStore)
    {
        using Socket socket = caller;
        try
        {
            byte[] bytes = new byte[1 << 16];
            int length = 0;
            while (!bytes.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
            {
                int count = await socket.ReceiveAsync(bytes.AsMemory(length), _stop.Token);
                if (count == 0)
                {
                    return;
                }

                length += count;
                if (bytes[0] == TlsHandshake)
                {
                    await socket.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), _stop.Token);
                    return;
                }
            }

            HubRequest request = HubRequest.Parse(Encoding.ASCII.GetString(bytes, 0, length), isStore);
            _requests.Enqueue(request);
            HubAnswer answer = Rule(request, Honest(request));
            await SendAsync(socket, request, answer);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Disposed, or the caller had enough.
        }
    }

    private async Task SendAsync(Socket socket, HubRequest request, HubAnswer answer)
    {
        await Task.Delay(answer.Delay, _stop.Token);
        bool isHead = request.Method == "HEAD";
        if (answer.Raw is { } raw)
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(raw), _stop.Token);
            socket.Shutdown(SocketShutdown.Both);
            return;
        }

        StringBuilder head = new($"HTTP/1.1 {answer.Status} Whatever\r\nConnection: close\r\n");
        foreach ((string name, string value) in answer.Headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        if (answer.ClaimedLength != HubAnswer.NoLength)
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.ClaimedLength ?? answer.Body.Length}\r\n");
        }

        await socket.SendAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), _stop.Token);
        byte[] body = isHead ? [] : answer.Body[..Math.Min(answer.Body.Length, answer.StopsAfter ?? int.MaxValue)];
        bool isFile = request.IsStore || request.Path.Contains("/resolve/", StringComparison.Ordinal);
        for (int sent = 0; sent < body.Length;)
        {
            int count = await socket.SendAsync(body.AsMemory(sent, Math.Min(answer.BytesAtATime, body.Length - sent)), _stop.Token);
            sent += count;
            Interlocked.Add(ref _servedBytes, isFile ? count : 0);
            if (answer.BytesAtATime < body.Length)
            {
                await Task.Delay(answer.Pause, _stop.Token);
            }
        }

        if (answer.Stalls)
        {
            await Task.Delay(Timeout.Infinite, _stop.Token);
        }

        socket.Shutdown(SocketShutdown.Both);
    }
}

/// <summary>What a caller of the <see cref="HostileHubServer"/> asked.</summary>
internal sealed record HubRequest(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, bool IsStore)
{
    /// <summary>The first and the last byte asked for.</summary>
    public (long From, long To)? Range
    {
        get
        {
            string[]? ends = Header("Range")?["bytes=".Length..].Split('-');
            return ends is null ? null : (long.Parse(ends[0], CultureInfo.InvariantCulture), long.Parse(ends[1], CultureInfo.InvariantCulture));
        }
    }

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    public static HubRequest Parse(string text, bool isStore)
    {
        string[] lines = text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines[0].Split(' ');
        string[] target = first[1].Split('?', 2);
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines[1..])
        {
            string[] parts = line.Split(": ", 2);
            headers[parts[0]] = parts.Length > 1 ? parts[1] : "";
        }

        return new HubRequest(first[0], target[0], target.Length > 1 ? target[1] : "", headers, isStore);
    }
}

/// <summary>What the <see cref="HostileHubServer"/> answers.</summary>
internal sealed record HubAnswer(int Status, (string Name, string Value)[] Headers, byte[] Body)
{
    /// <summary>A <see cref="ClaimedLength"/> that leaves the header out.</summary>
    public const long NoLength = -1;

    /// <summary>The length in the header; null for the true one.</summary>
    public long? ClaimedLength { get; init; }

    /// <summary>The bytes of the body after which no more come.</summary>
    public int? StopsAfter { get; init; }

    /// <summary>Whether the connection then stays open, silent.</summary>
    public bool Stalls { get; init; }

    public int BytesAtATime { get; init; } = int.MaxValue;

    /// <summary>The rest between two times.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>The wait before anything is sent.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>All that is sent, instead of everything else.</summary>
    public string? Raw { get; init; }

    public static HubAnswer Of(int status, params (string Name, string Value)[] headers) => new(status, headers, []);

    public HubAnswer With(string name, string value) => this with { Headers = [.. Headers.Where(header => header.Name != name), (name, value)] };
}
