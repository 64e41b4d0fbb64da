using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Quatrain.Tensors;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Tests;

/// <summary>A training process that is killed outright and resumed leaves the bytes of one that ran through.</summary>
public sealed partial class ResumeAfterKillTests : IDisposable
{
    private const int Iterations = 360;
    private const int Kills = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("quatrain-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void After_three_kills_at_random_moments()
    {
        RandomSource random = new(20);
        string text = Path.Combine(_folder, "text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 4000).Select(_ => "abcdefg \n"[random.NextInt32(9)])));
        RunFolder whole = new(Path.Combine(_folder, "whole")), killed = new(Path.Combine(_folder, "killed"));
        Finish(Begin(text, whole));

        int attempts = 0;
        while (!KilledThreeTimes(text, killed, random))
        {
            // The process was done before the kill came; that is no fault of its.
            (++attempts).ShouldBeLessThan(10);
            Directory.Delete(killed.Path, recursive: true);
        }

        Finish(Resume(killed));

        Dictionary<string, string> actual = Read(killed.Path), expected = Read(whole.Path);
        actual.Keys.Order().ShouldBe(expected.Keys.Order());
        expected.Count.ShouldBe(7);
        foreach ((string name, string content) in expected)
        {
            (actual[name] == content).ShouldBeTrue($"{name} differs");
        }
    }

    /// <summary>The moments lie a third of the run apart, each anywhere in the first half of its third.</summary>
    private static bool KilledThreeTimes(string text, RunFolder folder, RandomSource random)
    {
        const int Third = Iterations / Kills;
        for (int kill = 0; kill < Kills; kill++)
        {
            int moment = kill * Third + 1 + random.NextInt32(Third / 2);
            if (!KillAfter(moment, kill == 0 ? Begin(text, folder) : Resume(folder), folder))
            {
                return false;
            }
        }

        return true;
    }

    private static Process Begin(string text, RunFolder folder) => Train(
    [
        "--data", text, "--out", folder.Path, "--iterations", $"{Iterations}", "--eval-every", "7", "--checkpoint-every", "10", "--eval-tokens", "64",
        "--layer-count", "2", "--head-count", "2", "--embedding-size", "16", "--context-length", "16", "--batch-size", "4", "--dropout", "0.1",
        "--sample-every", "0",
    ]);

    private static Process Resume(RunFolder folder) => Train(["--resume", "--out", folder.Path]);

    private static Process Train(string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "quatrain.dll");
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [program, "train", "--threads", "1", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start)!;
        // Read at once, or a full pipe would stop the process.
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static void Finish(Process process)
    {
        using (process)
        {
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            process.ExitCode.ShouldBe(0, error);
        }
    }

    /// <summary>Kills the process once its log has the step; true if it had steps to do still.</summary>
    private static bool KillAfter(int step, Process process, RunFolder folder)
    {
        using (process)
        {
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            while (LastStep(folder) < step && !process.HasExited)
            {
                Thread.Sleep(1);
            }

            process.Kill();
            process.WaitForExit();
            return LastStep(folder) < Iterations;
        }
    }

    private static int LastStep(RunFolder folder)
    {
        if (!File.Exists(folder.MetricsPath))
        {
            return 0;
        }

        using StreamReader reader = new(new FileStream(folder.MetricsPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        Match last = Steps().Match(reader.ReadToEnd());
        return last.Success ? int.Parse(last.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>The content of every file; timings are left out of the metrics, and temporary files that a kill left behind are passed over.</summary>
    private static Dictionary<string, string> Read(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Where(file => !Path.GetFileName(file).StartsWith('.'))
        .ToDictionary(file => Path.GetRelativePath(folder, file), file => Path.GetExtension(file) == ".jsonl"
            ? Timings().Replace(File.ReadAllText(file), "")
            : Convert.ToHexString(File.ReadAllBytes(file)));

    [GeneratedRegex("^\\{\"step\":(\\d+),.*\\}$", RegexOptions.RightToLeft | RegexOptions.Multiline)]
    private static partial Regex Steps();

    [GeneratedRegex(",\"tokens_per_second\":[^,}]*,\"seconds\":[^,}]*")]
    private static partial Regex Timings();
}
