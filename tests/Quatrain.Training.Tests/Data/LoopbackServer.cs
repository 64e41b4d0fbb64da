using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Quatrain.Training.Tests.Data;

/// <summary>A web server on this machine that gives every caller the same bytes and hangs up; an empty answer leaves callers waiting.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;
    private int _callCount;

    public LoopbackServer(byte[] answer)
    {
        _listener.Start();
        _serving = ServeAsync(answer);
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/input.txt");

    public int CallCount => Volatile.Read(ref _callCount);

    public static byte[] Ok(byte[] body, int? claimedLength = null) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {claimedLength ?? body.Length}\r\nConnection: close\r\n\r\n"), .. body];

    public static byte[] NotFound() => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray();

    public void Dispose()
    {
        _stop.Cancel();
        _serving.Wait();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(byte[] answer)
    {
        try
        {
            while (true)
            {
                using Socket caller = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _callCount);
                // The request is one small packet or two; it must be taken before the hanging up or the answer may be lost.
                byte[] request = new byte[8192];
                int length = 0;
                while (!request.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
                {
                    length += await caller.ReceiveAsync(request.AsMemory(length), _stop.Token);
                }

                if (answer.Length == 0)
                {
                    await Task.Delay(Timeout.Infinite, _stop.Token);
                }

                try
                {
                    await caller.SendAsync(answer, _stop.Token);
                    caller.Shutdown(SocketShutdown.Both);
                }
                catch (SocketException)
                {
                    // The caller had enough.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }
}
