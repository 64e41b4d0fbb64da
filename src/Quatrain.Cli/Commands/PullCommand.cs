using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Hub;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain pull: fetches a published model from the Hugging Face hub.</summary>
internal static class PullCommand
{
    public static Command Create()
    {
        Argument<string> model = new("name") { Description = $"{string.Join(", ", HubModelName.ShortNames)}, or OWNER/NAME as the Hugging Face hub has it.", HelpName = "NAME" };
        model.CompletionSources.Add([.. HubModelName.ShortNames]);
        Option<string?> revision = new("--revision") { Description = "A branch, tag or commit; default: main.", HelpName = "revision" };
        Option<string[]> file = new("--file")
        {
            Description = "Fetch this file only, by its name at the hub; may be given several times. Default: configuration, tokenizer and weights.",
            HelpName = "file",
        };
        Option<bool> verify = new("--verify") { Description = "Read what is there already too, and fetch again what is damaged." };
        Command command = new("pull", "Fetch a published model, such as gpt2. Interrupted, the same command goes on where it stopped. HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE are obeyed.")
        {
            model, revision, file, verify,
        };
        command.SetAction((parsed, cancellation) =>
        {
            HubModelName name = HubModelName.Parse(parsed.GetValue(model)!);
            if (parsed.GetValue(revision) is { } wished)
            {
                name = name.Revision == HubModelName.DefaultRevision ? name.At(wished)
                    : throw new InvalidDataException($"'{name}' names a revision already; leave out --revision or what follows the @.");
            }

            return RunAsync(parsed, name, parsed.GetValue(file) ?? [], parsed.GetValue(verify), cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, HubModelName name, string[] files, bool verifies, CancellationToken cancellation)
    {
        TextWriter output = parsed.InvocationConfiguration.Output, error = parsed.InvocationConfiguration.Error;
        PullDisplay display = new(error);
        HubPull pull = new(HubSettings.FromEnvironment(), display) { Verifies = verifies };
        long start = Stopwatch.GetTimestamp();
        PulledModel pulled;
        try
        {
            pulled = await display.ShowAsync(() => pull.RunAsync(name, files, cancellation));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Not a success: what was asked for is not there.
            await error.WriteLineAsync("Stopped; what has arrived is kept, and the same command goes on from there.");
            return ExitCode.Failed;
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        bool isModel = files.Length == 0;
        string? problem = isModel ? Problem(pulled) : null;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            WriteJson(output, pulled, seconds, isModel, problem);
            return ExitCode.Done;
        }

        output.WriteLine(Invariant(pulled.FetchedBytes == 0
            ? (FormattableString)$"'{name}' was there already: {Count(pulled)}, {PullDisplay.Size(pulled.ByteCount)}, commit {pulled.Commit}, in"
            : $"'{name}' is there: {Count(pulled)}, {PullDisplay.Size(pulled.ByteCount)}, commit {pulled.Commit}; {PullDisplay.Size(pulled.FetchedBytes)} fetched in {seconds:N1} s. It lies in"));
        output.WriteLine($"  {pulled.Folder}");
        if (problem is not null)
        {
            output.WriteLine($"It can't be used as a model yet: {CommandHost.OneLine(problem)}");
        }
        else if (isModel)
        {
            output.WriteLine($"Try: quatrain generate {name} --prompt \"Once upon a time\"");
        }

        return ExitCode.Done;
    }

    /// <summary>Why the model can't be opened, as far as its heads tell, or null.</summary>
    private static string? Problem(PulledModel pulled)
    {
        try
        {
            Gpt2Source.Open(ModelPath.Resolve(pulled.Folder)).Dispose();
            return null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return e.Message;
        }
    }

    private static void WriteJson(TextWriter output, PulledModel pulled, double seconds, bool isModel, string? problem) => JsonOutput.Write(output, writer =>
    {
        writer.WriteString("name", pulled.Name.Repository);
        writer.WriteString("revision", pulled.Name.Revision);
        writer.WriteString("commit", pulled.Commit);
        writer.WriteString("path", pulled.Folder);
        writer.WriteStartArray("files");
        foreach ((string file, long bytes) in pulled.Files)
        {
            writer.WriteStartObject();
            writer.WriteString("name", file);
            writer.WriteNumber("bytes", bytes);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("bytes", pulled.ByteCount);
        writer.WriteNumber("bytes_fetched", pulled.FetchedBytes);
        writer.WriteNumber("seconds", Math.Round(seconds, 3));
        if (isModel)
        {
            writer.WriteBoolean("usable", problem is null);
            writer.WriteString("problem", problem);
        }
    });

    private static string Count(PulledModel pulled) => pulled.Files.Count == 1 ? "1 file" : $"{pulled.Files.Count} files";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
