using System.Diagnostics;
using System.Text;

namespace Quatrain.Cli.Tests.Support;

/// <summary>Starts the built program, for what only a process can show: signals, streams, exit codes and locales.</summary>
internal sealed class QuatrainProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly Task<string> _output;
    private readonly Task _reading;
    private readonly Dictionary<string, TaskCompletionSource> _awaited = [];

    private QuatrainProcess(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _reading = Task.Run(ReadErrorAsync);
    }

    /// <summary>The program's file, which is built beside the tests.</summary>
    public static string ProgramPath { get; } = Path.Combine(AppContext.BaseDirectory, "quatrain.dll");

    /// <summary>The dotnet that runs these tests.</summary>
    public static string DotnetPath { get; } =
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath!
        : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    public static QuatrainProcess Start(
        IEnumerable<string> arguments, string? folder = null, string? locale = null, IReadOnlyDictionary<string, string>? environment = null,
        string? input = null)
    {
        ProcessStartInfo start = new(DotnetPath, ["exec", ProgramPath, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = input is not null,
            StandardOutputEncoding = new UTF8Encoding(false, throwOnInvalidBytes: true),
            StandardErrorEncoding = new UTF8Encoding(false, throwOnInvalidBytes: true),
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        if (locale is not null)
        {
            start.Environment["LC_ALL"] = locale;
        }

        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start)!;
        if (input is not null)
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }

        return new QuatrainProcess(process);
    }

    public static async Task<Outcome> Run(params string[] arguments)
    {
        using QuatrainProcess process = Start(arguments);
        return await process.End();
    }

    /// <summary>Waits until the program's standard error has <paramref name="text"/>.</summary>
    public async Task UntilErrorHas(string text)
    {
        TaskCompletionSource source;
        lock (_error)
        {
            if (_error.ToString().Contains(text, StringComparison.Ordinal))
            {
                return;
            }

            source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add(text, source);
        }

        await source.Task.WaitAsync(Patience);
    }

    public async Task Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        await kill.WaitForExitAsync();
        kill.ExitCode.ShouldBe(0);
    }

    public async Task<Outcome> End()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        await _reading;
        return new Outcome(_process.ExitCode, await _output, _error.ToString());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_error)
            {
                _error.Append(line).Append('\n');
                foreach ((string text, TaskCompletionSource source) in _awaited)
                {
                    if (line.Contains(text, StringComparison.Ordinal))
                    {
                        source.TrySetResult();
                    }
                }
            }
        }
    }
}
