using System.Text.Json;

namespace Quatrain.Cli.Tests.Support;

/// <summary>What a command wrote and returned.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error)
{
    private const string Prefix = "error: ";

    /// <summary>The one sentence of a command that refused its input: nothing else was written anywhere.</summary>
    public string Refusal()
    {
        ExitCode.ShouldBe(2, Error);
        Output.ShouldBeEmpty();
        Error.ShouldStartWith(Prefix);
        Error.ShouldEndWith("\n");
        return Sentence(Error);
    }

    /// <summary>The one sentence of a command that failed at its work, after what it had told of its progress.</summary>
    public string Failure()
    {
        ExitCode.ShouldBe(1, Error);
        Output.ShouldBeEmpty();
        return Sentence(Error.Split('\n').Where(line => line.StartsWith(Prefix, StringComparison.Ordinal)).ShouldHaveSingleItem());
    }

    /// <summary>The output of a command that did its work.</summary>
    public string Success()
    {
        ExitCode.ShouldBe(0, Error);
        Error.ShouldNotContain(Prefix);
        return Output;
    }

    /// <summary>The one JSON object that a command with --json wrote.</summary>
    public JsonElement Json() => JsonDocument.Parse(Success()).RootElement;

    private static string Sentence(string text)
    {
        string sentence = text[Prefix.Length..].TrimEnd('\n');
        sentence.ShouldNotContain('\n');
        sentence.ShouldNotContain("unexpected happened");
        sentence.ShouldNotContain("System.");
        sentence.ShouldMatch("^[^ ].*[.?]$");
        sentence.ShouldNotContain("?;");
        sentence.ShouldNotContain(".;");
        return sentence;
    }
}
