using System.Diagnostics;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Commands;

public sealed class CompletionCommandTests
{
    [Theory]
    [InlineData("bash", "complete -o default -F _quatrain quatrain")]
    [InlineData("zsh", "compdef _quatrain quatrain")]
    [InlineData("fish", "complete -c quatrain")]
    [InlineData("powershell", "Register-ArgumentCompleter -Native -CommandName quatrain")]
    public async Task Prints_a_script_that_asks_the_program(string shell, string registration)
    {
        string script = (await CommandLine.Run("completion", shell)).Success();

        script.ShouldContain(registration);
        script.ShouldContain("[suggest:");
    }

    [Fact]
    public async Task Refuses_a_shell_it_does_not_know()
    {
        (await CommandLine.Run("completion", "bsh")).Refusal().ShouldBe("Unknown shell 'bsh'; there are scripts for bash, zsh, fish, powershell; did you mean 'bash'?");
        (await CommandLine.Run("completion", "tcsh")).Refusal().ShouldBe("Unknown shell 'tcsh'; there are scripts for bash, zsh, fish, powershell.");
    }

    [Theory]
    [InlineData("quatrain ", "train", "generate", "eval", "inspect", "verify", "bench", "pull", "completion")]
    [InlineData("quatrain pull gpt2-", "gpt2-medium", "gpt2-large", "gpt2-xl")]
    [InlineData("quatrain train --pre", "--preset")]
    [InlineData("quatrain train --preset ", "quatrains", "nano", "shakespeare-char", "shakespeare-char-cpu")]
    [InlineData("quatrain train --preset shake", "shakespeare-char", "shakespeare-char-cpu")]
    [InlineData("quatrain inspect --preset na", "nano")]
    [InlineData("quatrain bench --preset gpt2-", "gpt2-medium", "gpt2-large", "gpt2-xl")]
    [InlineData("quatrain train --tokenizer ", "characters", "gpt2")]
    [InlineData("quatrain train --activation ", "gelu_exact", "gelu_tanh", "relu")]
    [InlineData("quatrain generate --te", "--temperature")]
    [InlineData("quatrain completion ", "bash", "zsh", "fish", "powershell")]
    public async Task Suggests_commands_options_and_values(string line, params string[] expected)
    {
        string[] words = (await CommandLine.Run($"[suggest:{line.Length}]", line)).Success().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        expected.Except(words).ShouldBeEmpty();
        words.ShouldBeUnique();
        if (!line.EndsWith(' '))
        {
            words.ShouldBe(expected, ignoreOrder: true);
        }
    }

    [BashFact]
    public async Task Bash_completes_with_the_script()
    {
        string script = (await CommandLine.Run("completion", "bash")).Success();
        string session = $$"""
            quatrain() { '{{QuatrainProcess.DotnetPath}}' exec '{{QuatrainProcess.ProgramPath}}' "$@"; }
            {{script}}
            COMP_LINE='quatrain train --preset shake' COMP_POINT=29 COMP_WORDS=(quatrain train --preset shake) COMP_CWORD=3
            _quatrain
            echo "${COMPREPLY[*]}"
            """;

        (await Bash(session)).ShouldBe("shakespeare-char shakespeare-char-cpu");
    }

    private static async Task<string> Bash(string script)
    {
        using Process bash = Process.Start(new ProcessStartInfo("bash", ["--norc", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = bash.StandardError.ReadToEndAsync();
        string output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();
        (await error).ShouldBeEmpty();
        bash.ExitCode.ShouldBe(0);
        return output.TrimEnd('\n');
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class BashFactAttribute : FactAttribute
    {
        public BashFactAttribute()
        {
            if (!File.Exists("/bin/bash") && !File.Exists("/usr/bin/bash"))
            {
                Skip = "needs bash, which is not on this machine";
            }
        }
    }
}
