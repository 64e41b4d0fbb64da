using System.Diagnostics;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests;

[Collection(TinyRunTests.Name)]
public sealed class FullDiskTests(TinyRun run)
{
    [SmallDiskFact]
    public async Task A_full_disk_ends_a_run_with_its_last_checkpoint_intact_and_room_lets_it_go_on_to_the_same_end()
    {
        using SmallDisk disk = new();
        string folder = Path.Combine(disk.Path, "run"), filler = Path.Combine(disk.Path, "filler");
        string[] saved = ["model.safetensors", "config.json", "tokenizer.json", "training.json", "state/last.safetensors"];

        // Room for the first checkpoint (of step 20), not for a second beside it.
        using (FileStream file = File.Create(filler))
        {
            file.Write(new byte[SmallDisk.Bytes - RoomForOneCheckpoint()]);
        }

        Outcome outcome = await CommandLine.Run(TinyRun.TrainArguments(run.TextPath, folder));

        outcome.Failure().ShouldStartWith("Cannot write '");
        outcome.Failure().ShouldContain("the disk is full; free some space or choose another folder.");
        Directory.EnumerateFiles(folder, "*.tmp", SearchOption.AllDirectories).ShouldBeEmpty();
        saved.Where(name => !File.Exists(Path.Combine(folder, name))).ShouldBeEmpty();

        File.Delete(filler);
        outcome = await CommandLine.Run("train", "--resume", "--out", folder, "--threads", "1");
        outcome.Success();
        outcome.Error.ShouldStartWith("Going on at step 20 ");
        foreach (string name in saved.Except(["training.json"]))
        {
            File.ReadAllBytes(Path.Combine(folder, name)).ShouldBe(File.ReadAllBytes(Path.Combine(run.Path, name)), name);
        }
    }

    private long RoomForOneCheckpoint()
    {
        long Pages(string name) => (new FileInfo(Path.Combine(run.Path, name)).Length + 4095) / 4096 * 4096;
        long small = new[] { "tokenizer.json", "training.json", "config.json", "loss.svg", "metrics.jsonl" }.Sum(Pages);
        return small + Pages("model.safetensors") * 2 + Pages("state/last.safetensors") * 3 / 2;
    }

    /// <summary>A file system in memory of one megabyte.</summary>
    private sealed class SmallDisk : IDisposable
    {
        public const int Bytes = 1 << 20;

        private readonly TemporaryFolder _folder = new();

        public SmallDisk()
        {
            if (!Do("mount", "-t", "tmpfs", "-o", $"size={Bytes}", "tmpfs", Path))
            {
                _folder.Dispose();
                throw new IOException("The file system can't be mounted.");
            }
        }

        public static bool IsPossible { get; } = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess && Try();

        public string Path => _folder.Path;

        public void Dispose()
        {
            Do("umount", Path);
            _folder.Dispose();
        }

        private static bool Try()
        {
            try
            {
                using SmallDisk disk = new();
                return true;
            }
            catch (Exception e) when (e is IOException or System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }

        private static bool Do(string program, params string[] arguments)
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class SmallDiskFactAttribute : FactAttribute
    {
        public SmallDiskFactAttribute()
        {
            if (!SmallDisk.IsPossible)
            {
                Skip = "needs Linux and the right to mount a small file system";
            }
        }
    }
}
