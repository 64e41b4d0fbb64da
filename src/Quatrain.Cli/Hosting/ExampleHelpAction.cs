using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Quatrain.Cli.Hosting;

/// <summary>The usual help, followed by the command's examples.</summary>
internal sealed class ExampleHelpAction(HelpAction usual) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> Examples = new(StringComparer.Ordinal)
    {
        ["train"] =
        [
            "quatrain train                                          the built-in verses, in about a minute",
            "quatrain train --data story.txt --out runs/story        your own text",
            "quatrain train --preset shakespeare-char-cpu            nanoGPT's run on a CPU",
            "quatrain train --out runs/story --resume                go on where a run stopped",
        ],
        ["generate"] =
        [
            "quatrain generate runs/quatrains",
            "quatrain generate runs/story --prompt \"Once upon a time\" --temperature 0.7 --max-tokens 400",
            "quatrain generate runs/quatrains --stop '\\n\\n' --seed 7 --json",
            "quatrain generate some-model --prompt-ids 1,2,3 --temperature 0",
            "quatrain generate some-model --prompts prompts.jsonl --batch-size 16 --num-samples 4 --json",
        ],
        ["eval"] =
        [
            "quatrain eval runs/quatrains                            the run's own validation part",
            "quatrain eval runs/story --data other.txt --stride 32",
            "quatrain eval some-model --tokens val.bin --json",
        ],
        ["inspect"] =
        [
            "quatrain inspect runs/quatrains",
            "quatrain inspect --preset shakespeare-char --batch-size 32",
            "quatrain inspect model.safetensors --json",
        ],
        ["verify"] = ["quatrain verify", "quatrain verify --threads 1 --json"],
        ["bench"] =
        [
            "quatrain bench                                          the machine, and a step of shakespeare-char-cpu",
            "quatrain bench --preset gpt2 --batch-size 4             the 124M model, with random weights",
            "quatrain bench --preset shakespeare-char --steps 20 --json",
        ],
        ["completion"] = ["source <(quatrain completion bash)", "quatrain completion fish > ~/.config/fish/completions/quatrain.fish"],
    };

    public static void Install(RootCommand root)
    {
        foreach (HelpOption option in root.Options.OfType<HelpOption>())
        {
            option.Action = new ExampleHelpAction((HelpAction)option.Action!);
        }
    }

    public override int Invoke(ParseResult parseResult)
    {
        int result = usual.Invoke(parseResult);
        if (Examples.TryGetValue(parseResult.CommandResult.Command.Name, out string[]? examples))
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in examples)
            {
                output.WriteLine($"  {example}");
            }

            output.WriteLine();
        }

        return result;
    }
}
