using System.Runtime.InteropServices;

namespace Quatrain.Cli.Hosting;

/// <summary>What Ctrl-C does in a conversation: it ends a reply, and between replies the conversation. The system's wish to terminate ends both.</summary>
internal sealed class ChatInterruption : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly PosixSignalRegistration[] _registrations;
    private CancellationTokenSource? _reply;

    public ChatInterruption() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, endsAll: false)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, endsAll: true)),
    ];

    /// <summary>Runs <paramref name="reply"/> with a token that Ctrl-C cancels.</summary>
    public T WhileReplying<T>(Func<CancellationToken, T> reply)
    {
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        Set(source);
        try
        {
            return reply(source.Token);
        }
        finally
        {
            Set(null);
        }
    }

    /// <summary>Waits for what <paramref name="read"/> reads; null when the conversation ends first. The read can't be stopped: it is left behind then.</summary>
    public string? Wait(Func<string?> read)
    {
        if (_ended.IsCancellationRequested)
        {
            return null;
        }

        Task<string?> reading = Task.Run(read);
        try
        {
            reading.Wait(_ended.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (AggregateException)
        {
            // Thrown again below, as itself.
        }

        return reading.GetAwaiter().GetResult();
    }

    /// <summary>As a signal does it.</summary>
    internal void Interrupt(bool endsAll)
    {
        lock (_lock)
        {
            (endsAll ? _ended : _reply ?? _ended).Cancel();
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _ended.Dispose();
    }

    private void Handle(PosixSignalContext context, bool endsAll)
    {
        context.Cancel = true;
        Interrupt(endsAll);
    }

    private void Set(CancellationTokenSource? reply)
    {
        lock (_lock)
        {
            _reply = reply;
        }
    }
}
