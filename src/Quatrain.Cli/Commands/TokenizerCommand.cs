using System.CommandLine;
using Quatrain.Cli.Commands.Tokens;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Models;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain tokenizer: text to token ids and back, without a model's weights.</summary>
internal static class TokenizerCommand
{
    public static Command Create() => new("tokenizer", "Turn text into token ids, and ids into text.") { CreateEncode(), CreateDecode() };

    private static Command CreateEncode()
    {
        Argument<string> model = Model();
        Option<string> input = Input("Text in UTF-8, or JSONL with a \"text\" in each line; - is standard input.");
        Option<string?> format = new("--format") { Description = "text or jsonl; default: by the file's ending, and text for standard input.", HelpName = "format" };
        format.CompletionSources.Add(TextFormat.Text, TextFormat.JsonLines);
        Option<bool> allowSpecial = new("--allow-special")
        {
            Description = "Encode special tokens in the text, such as <|endoftext|>, as the one token each is; without, they are text like any other.",
        };
        Option<string?> output = Output("Write the ids there; a .bin holds them as little-endian uint16, as nanoGPT's do, each JSONL text ended by the end-of-text token.");
        Command command = new(
            "encode",
            "Encode a text: its ids on one line, or on a line for each JSONL text. With --json, {\"ids\": [...]} for each line of input, encoded by itself.")
        {
            model, input, format, allowSpecial, output,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                string file = parsed.GetValue(input)!;
                TokenEncoding encoding = new(
                    Load(parsed.GetValue(model)!), TextFormat.IsJsonLines(parsed.GetValue(format), file), parsed.GetValue(allowSpecial), parsed.GetValue(GlobalOptions.Json),
                    parsed.GetValue(GlobalOptions.Threads));
                encoding.Run(file, parsed.GetValue(output), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, cancellation);
                return ExitCode.Done;
            },
            CancellationToken.None));
        return command;
    }

    private static Command CreateDecode()
    {
        Argument<string> model = Model();
        Option<string> input = Input("Ids separated by blanks or commas, lines of {\"ids\": [...]}, or a .bin of little-endian uint16; - is standard input.");
        Option<bool> skipSpecial = new("--skip-special") { Description = "Leave out special tokens, such as <|endoftext|>." };
        Option<string?> output = Output("Write the text there.");
        Command command = new(
            "decode",
            "Decode ids to exactly the bytes they were made from; each line of {\"ids\": [...]} ends its line of text. With --json, {\"text\": ...} for each.")
        {
            model, input, skipSpecial, output,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                TokenDecoding decoding = new(Load(parsed.GetValue(model)!), parsed.GetValue(skipSpecial), parsed.GetValue(GlobalOptions.Json));
                decoding.Run(
                    parsed.GetValue(input)!, parsed.GetValue(output), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, cancellation);
                return ExitCode.Done;
            },
            CancellationToken.None));
        return command;
    }

    private static Argument<string> Model() =>
        new("model") { Description = "A run or model folder, a folder with a tokenizer's files, one such file, or a pulled name such as gpt2.", HelpName = "MODEL" };

    private static Option<string> Input(string description) => new("--input") { Description = description, HelpName = "file", DefaultValueFactory = _ => "-" };

    private static Option<string?> Output(string description) => new("--output") { Description = description, HelpName = "file" };

    private static ITokenizer Load(string model)
    {
        string path = ModelPath.ResolveExisting(model);
        return ModelTokenizer.TryLoad(path) ?? TokenizerFile.Load(path);
    }
}
