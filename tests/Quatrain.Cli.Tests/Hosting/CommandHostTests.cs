using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Hosting;

public sealed class CommandHostTests
{
    [Theory]
    [InlineData("Unknown command 'trian'; did you mean 'train'? See 'quatrain --help'.", "trian")]
    [InlineData("Unknown command 'xylophone'. See 'quatrain --help'.", "xylophone")]
    [InlineData("Required command was not provided; see 'quatrain --help'.")]
    [InlineData("Unknown option '--batchsize'; did you mean '--batch-size'? See 'quatrain train --help'.", "train", "--batchsize", "4")]
    [InlineData("Unknown option '--temprature'; did you mean '--temperature'? See 'quatrain generate --help'.", "generate", "run", "--temprature", "1")]
    [InlineData("Unknown option '--thread'; did you mean '--threads'? See 'quatrain eval --help'.", "eval", "run", "--thread", "1")]
    [InlineData("Unknown option '--xylophone'. See 'quatrain verify --help'.", "verify", "--xylophone")]
    [InlineData("Unknown argument 'more'. See 'quatrain train --help'.", "train", "more")]
    [InlineData("Required argument 'MODEL' missing for command: 'generate'; see 'quatrain generate --help'.", "generate")]
    [InlineData("Required argument missing for option: '--batch-size'; see 'quatrain train --help'.", "train", "--batch-size")]
    [InlineData("--threads must be a whole number from 0 to 1024, not 'abc'; see 'quatrain train --help'.", "train", "--threads", "abc")]
    [InlineData("--threads must be a whole number from 0 to 1024, not '-1'; see 'quatrain eval --help'.", "eval", "run", "--threads", "-1")]
    [InlineData("--threads must be a whole number from 0 to 1024, not '1025'; see 'quatrain verify --help'.", "verify", "--threads", "1025")]
    public async Task Wrong_usage_is_one_sentence_that_points_to_the_help(string sentence, params string[] arguments) =>
        (await CommandLine.Run(arguments)).Refusal().ShouldBe(sentence);

    [Fact]
    public async Task An_error_with_json_is_the_same_sentence_on_standard_error()
    {
        string[] arguments = ["generate", "no-such-folder"];

        (await CommandLine.Run([.. arguments, "--json"])).Refusal().ShouldBe((await CommandLine.Run(arguments)).Refusal());
    }

    [Fact]
    public async Task An_error_stays_on_one_line_and_harmless_whatever_it_quotes() =>
        (await CommandLine.Run("train", "--preset", "a\nb\u001b[31m")).Refusal()
            .ShouldBe("Unknown preset 'a b [31m'; there are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.");

    [Fact]
    public async Task Verbose_adds_where_an_error_came_from()
    {
        Outcome outcome = await CommandLine.Run("generate", "no-such-folder", "--verbose");

        outcome.ExitCode.ShouldBe(2);
        outcome.Error.ShouldContain("   at Quatrain.");
    }

    [Fact]
    public async Task An_argument_that_begins_with_an_at_sign_is_an_argument() =>
        (await CommandLine.Run("generate", "@no-such-folder")).Refusal().ShouldStartWith("Cannot load a model from '@no-such-folder'");

    [Fact]
    public async Task An_empty_path_is_refused_like_any_that_leads_nowhere()
    {
        (await CommandLine.Run("generate", "")).Refusal().ShouldStartWith("Cannot load a model from '': there is no such folder");
        (await CommandLine.Run("eval", "")).Refusal().ShouldStartWith("Cannot load a model from '': there is no such folder");
        (await CommandLine.Run("train", "--out", "")).Refusal().ShouldBe("The name of the run folder is empty; name a folder with --out.");
    }
}
