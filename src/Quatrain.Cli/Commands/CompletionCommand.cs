using System.CommandLine;
using Quatrain.Cli.Hosting;
using Quatrain.Models;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain completion: the script that makes a shell complete commands and options.</summary>
internal static class CompletionCommand
{
    // Each asks the program itself, through the command-line parser's suggest directive, so the scripts never go out of date.
    private static readonly Dictionary<string, string> Scripts = new(StringComparer.Ordinal)
    {
        ["bash"] = """
            _quatrain() {
                local IFS=$'\n'
                local words
                words=$(quatrain "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
                COMPREPLY=($(compgen -W "${words}" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _quatrain quatrain
            """,
        ["zsh"] = """
            _quatrain() {
                local -a words
                words=("${(@f)$(quatrain "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
                compadd -- "${words[@]}" || _files
            }
            compdef _quatrain quatrain
            """,
        ["fish"] = """
            complete -c quatrain -a '(quatrain "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
            """,
        ["powershell"] = """
            Register-ArgumentCompleter -Native -CommandName quatrain -ScriptBlock {
                param($word, $ast, $position)
                quatrain "[suggest:$position]" "$ast" 2>$null | Where-Object { $_ -like "$word*" } | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    public static Command Create()
    {
        Argument<string> shell = new("shell") { Description = string.Join(", ", Scripts.Keys) + "." };
        shell.CompletionSources.Add([.. Scripts.Keys]);
        Command command = new("completion", "Print the script that teaches a shell to complete quatrain's commands and options.") { shell };
        command.SetAction(parsed =>
        {
            string name = parsed.GetValue(shell)!;
            if (!Scripts.TryGetValue(name, out string? script))
            {
                throw new InvalidDataException($"Unknown shell '{name}'; there are scripts for {string.Join(", ", Scripts.Keys)}{Suggestion.DidYouMean(name, Scripts.Keys)}");
            }

            parsed.InvocationConfiguration.Output.WriteLine(script);
            return ExitCode.Done;
        });
        return command;
    }
}
