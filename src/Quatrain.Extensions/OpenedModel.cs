using Quatrain.Inference;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Extensions;

/// <summary>A model with its workers, used by one caller at a time.</summary>
internal sealed class OpenedModel : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private bool _disposed;

    public OpenedModel(string path, int threads, WeightFormat? weights)
    {
        Pool = new WorkerPool(threads);
        try
        {
            Text = TextModel.Open(path, weights, Pool);
            Tokenizer = Text.RequireTokenizer();
        }
        catch
        {
            Text?.Dispose();
            Pool.Dispose();
            throw;
        }

        // As a user would name it: a pulled model's folder has the name of a revision.
        Name = Path.Exists(path) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) : path;
    }

    public TextModel Text { get; }

    public ITokenizer Tokenizer { get; }

    public WorkerPool Pool { get; }

    /// <summary>What callers call it.</summary>
    public string Name { get; }

    /// <summary>Runs <paramref name="work"/> on a thread of its own when all who asked before are done. Disposing cancels it.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    /// <exception cref="ObjectDisposedException">It is disposed, or was while this waited or ran.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, T> work, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(OpenedModel));
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _closing.Token);
        try
        {
            await _turn.WaitAsync(linked.Token).ConfigureAwait(false);
            try
            {
                return await Task.Factory.StartNew(
                    () => work(linked.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(OpenedModel), "The model was disposed of while it was in use.");
        }
    }

    /// <summary>Cancels what runs and frees everything when it has ended; <paramref name="own"/> frees what the caller built on the model.</summary>
    public void Dispose(Action own)
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        _closing.Cancel();
        _turn.Wait();
        own();
        Text.Dispose();
        Pool.Dispose();
        // Those who still wait are told so by the token, and no one gets a turn any more; neither source holds what needs to be freed.
    }

    public void Dispose() => Dispose(() => { });

    /// <exception cref="NotSupportedException">The caller asks for another model.</exception>
    public void RequireName(string? asked)
    {
        if (asked is not null && asked != Name)
        {
            throw new NotSupportedException($"The model '{asked}' was asked for, and this is '{Name}'; leave the model's name out, or use its own.");
        }
    }
}
