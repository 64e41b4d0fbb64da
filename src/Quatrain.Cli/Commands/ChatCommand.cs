using System.CommandLine;
using System.Text;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Inference.Chat;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain chat: a conversation with a model in the terminal, or over a pipe.</summary>
internal static class ChatCommand
{
    public static Command Create()
    {
        SamplingOptionSet sampling = new();
        Argument<string> model = LoadedModel.Argument();
        Option<string?> style = new("--style")
        {
            Description = $"How prompts are written: {string.Join(", ", PromptStyle.All.Select(it => it.Name))}; default: as the model was trained.",
            HelpName = "name",
        };
        Option<string?> system = new("--system") { Description = "What the model is told before the conversation; default: as it was trained.", HelpName = "text" };
        Option<int?> maxTokens = NumberOption.OptionalWhole<int>("--max-tokens", "The most tokens of a reply; default: as the model's chat.json says, or 256.");
        Option<string?> weights = WeightsOption.Create();
        Option<string?> baseModel = LoadedModel.BaseOption();
        Command command = new("chat", $"Talk with a model, a line a message. {ChatLoop.ResetCommand} forgets what was said, {ChatLoop.ExitCommand} ends, and Ctrl-C ends a reply. When the context is full, the oldest turns are not sent.")
        {
            model, style, system, maxTokens,
        };
        foreach (Option option in sampling.Choosing.Concat([weights, baseModel, sampling.SeedOption]))
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellation) =>
        {
            using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
            using LoadedModel loaded = new ModelChoice(parsed.GetValue(model)!, parsed.GetValue(baseModel), WeightsOption.Parse(parsed.GetValue(weights))).Open(pool);
            ITokenizer tokenizer = loaded.RequireTokenizer("use one that has its tokenizer beside it");
            ChatSettings settings = Settings(loaded.Path, parsed.GetValue(style), parsed.GetValue(system));
            GenerationOptions options = new()
            {
                MaxTokens = parsed.GetValue(maxTokens) ?? settings.MaxTokens,
                Sampling = sampling.Sampling(parsed),
                Stop = sampling.Stop(parsed),
                Seed = sampling.Seed(parsed),
            };
            options.Validate();
            // Refuses a stop text that can't be used before the first message is written.
            _ = new StopMatcher(options.Stop);
            using ChatSession session = new(loaded.Model, tokenizer, settings, pool);
            InvocationConfiguration io = parsed.InvocationConfiguration;
            // Both signals come here: the command host's token would end the whole conversation with the first reply that is stopped.
            using ChatInterruption interruption = new();
            ChatLoop loop = new(session, options, io.Output, io.Error, interruption) { Json = parsed.GetValue(GlobalOptions.Json), IsTerminal = !Console.IsInputRedirected };
            // Not disposed of: after Ctrl-C a read of it may still wait.
            TextReader input = Console.IsInputRedirected
                ? new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true))
                : Console.In;
            loop.Run(input);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <summary>How to talk with the model at <paramref name="path"/>, with what the command line says instead.</summary>
    /// <exception cref="InvalidDataException">There is no knowing, or the file or an option is impossible.</exception>
    internal static ChatSettings Settings(string path, string? style, string? system)
    {
        ChatSettings? trained = style is null ? ChatSettings.TryLoad(path) : null;
        ChatSettings settings = trained ?? new ChatSettings
        {
            Style = PromptStyle.Named(style ?? throw new InvalidDataException(
                $"'{path}' has no {ChatSettings.FileName}, so it was not trained to chat; choose how prompts are written with --style ({string.Join(", ", PromptStyle.All.Select(it => it.Name))}).")),
        };
        settings = system is null ? settings : settings with { System = system };
        settings.Validate();
        return settings;
    }
}
