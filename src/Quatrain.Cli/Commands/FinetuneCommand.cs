using System.CommandLine;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain finetune: teaches a model a task by examples.</summary>
internal static class FinetuneCommand
{
    public static Command Create() => new("finetune", "Teach a trained model a task by examples of your own.") { FinetuneClassifyCommand.Create(), FinetuneInstructCommand.Create() };
}
