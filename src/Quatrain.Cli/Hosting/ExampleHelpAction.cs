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
            "quatrain train --preset gpt2 --data texts               GPT-2's 124M from scratch, on a folder of texts",
            "quatrain train --data story.txt --tokenizer gpt2        a small model with GPT-2's tokens",
        ],
        ["generate"] =
        [
            "quatrain generate runs/quatrains",
            "quatrain generate runs/story --prompt \"Once upon a time\" --temperature 0.7 --max-tokens 400",
            "quatrain generate runs/quatrains --stop '\\n\\n' --seed 7 --json",
            "quatrain generate some-model --prompt-ids 1,2,3 --temperature 0",
            "quatrain generate some-model --prompts prompts.jsonl --batch-size 16 --num-samples 4 --json",
        ],
        ["finetune"] =
        [
            "quatrain finetune classify gpt2 --data spam.csv --out runs/spam",
            "quatrain finetune instruct gpt2 --data instructions.json --out runs/assistant",
            "quatrain finetune classify --help",
        ],
        ["instruct"] =
        [
            "quatrain finetune instruct gpt2 --data instructions.json --out runs/assistant       then: quatrain chat runs/assistant",
            "quatrain finetune instruct gpt2 --data chats.jsonl --style chatml --loss-on all",
            "quatrain finetune instruct gpt2 --data instructions.json --train lora --lora-rank 16",
            "quatrain finetune instruct --out runs/assistant --resume",
        ],
        ["classify"] =
        [
            "quatrain finetune classify gpt2 --data spam.csv --out runs/spam                make a classifier of GPT-2",
            "quatrain finetune classify gpt2 --data spam.csv --balance --train last-1       as Raschka's book does",
            "quatrain finetune classify gpt2 --data spam.csv --max-false-positive-rate 0.01",
            "quatrain finetune classify gpt2 --data spam.csv --train lora --lora-rank 16",
            "quatrain finetune classify --out runs/spam --resume                            go on where it stopped",
            "quatrain classify runs/spam \"WINNER!! Call now to claim your prize\"",
            "quatrain classify runs/spam --input messages.csv --output labelled.csv",
            "quatrain classify runs/spam --input known.csv --label-column label             how many are right",
            "cat messages.txt | quatrain classify runs/spam --json",
        ],
        ["chat"] =
        [
            "quatrain chat runs/instruct",
            "quatrain chat runs/instruct --system \"Answer in one sentence.\" --temperature 0.5",
            "quatrain chat gpt2 --style plain                        a model that was not trained to chat",
            "quatrain chat runs/instruct --json                      messages in, replies out, a line each",
        ],
        ["eval"] =
        [
            "quatrain eval runs/quatrains                            the run's own validation part",
            "quatrain eval runs/story --data other.txt --stride 32",
            "quatrain eval some-model --tokens val.bin --json",
            "quatrain eval gpt2 --benchmark hellaswag --data hellaswag_val.jsonl",
            "quatrain eval gpt2 --benchmark lambada --data lambada_openai.jsonl --limit 500 --output items.jsonl",
        ],
        ["inspect"] =
        [
            "quatrain inspect runs/quatrains",
            "quatrain inspect --preset shakespeare-char --batch-size 32",
            "quatrain inspect model.safetensors --json",
        ],
        ["verify"] =
        [
            "quatrain verify                                         the gradients, on this machine",
            "quatrain verify gpt2                                    that a model is the published GPT-2 124M",
            "quatrain verify --threads 1 --json",
        ],
        ["bench"] =
        [
            "quatrain bench                                          the machine, and a step of shakespeare-char-cpu",
            "quatrain bench --preset gpt2 --batch-size 4             the 124M model, with random weights",
            "quatrain bench --preset shakespeare-char --steps 20 --json",
            "quatrain bench --preset gpt2 --decode                   reading a prompt, and decoding",
            "quatrain bench --preset gpt2 --decode --weights int8    the same with weights of a quarter of the size",
        ],
        ["export"] =
        [
            "quatrain export runs/story --out exported/story                    a folder for Hugging Face's transformers",
            "quatrain export gpt2-folder --out gpt2.gguf --weights int8         a file for llama.cpp, a quarter of the size",
            "quatrain export gpt2-folder --out gpt2_124M.bin                    a file for llm.c",
        ],
        ["tokenizer"] =
        [
            "quatrain tokenizer encode some-model --input story.txt",
            "quatrain tokenizer decode some-model --input story.ids",
        ],
        ["encode"] =
        [
            "quatrain tokenizer encode some-model --input story.txt --json        {\"ids\": [...]} for each line",
            "quatrain tokenizer encode some-model --input stories.jsonl --output stories.bin",
            "quatrain tokenizer encode vocab.json --input - --allow-special",
        ],
        ["decode"] =
        [
            "quatrain tokenizer decode some-model --input story.ids --output story.txt",
            "quatrain tokenizer decode some-model --input stories.bin --skip-special",
        ],
        ["pull"] =
        [
            "quatrain pull gpt2                                      then: quatrain generate gpt2",
            "quatrain pull openai-community/gpt2-xl --revision main",
            "quatrain pull owner/name --file model-q8_0.gguf         one file of many",
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
