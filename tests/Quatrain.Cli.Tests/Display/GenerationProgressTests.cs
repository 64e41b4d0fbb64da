using System.Globalization;
using Quatrain.Cli.Display;

namespace Quatrain.Cli.Tests.Display;

public sealed class GenerationProgressTests
{
    [Fact]
    public void Tells_the_rate_and_the_time_left()
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture);
        GenerationProgress known = new(writer, total: 4_000, isLive: false), unknown = new(writer, total: null, isLive: false);
        for (int i = 0; i < 1_000; i++)
        {
            known.Tick();
            unknown.Tick();
        }

        known.Line(TimeSpan.FromSeconds(2)).ShouldBe("0 of 4,000 texts, 500 tokens/s");
        known.Complete(1_000);
        unknown.Complete(1_000);
        known.Line(TimeSpan.FromSeconds(2)).ShouldBe("1 of 4,000 texts, 500 tokens/s, 2:13:18 left");
        unknown.Line(TimeSpan.FromSeconds(2)).ShouldBe("1 texts, 500 tokens/s");
        (known.Done, known.Tokens).ShouldBe((1, 1_000));
        known.Clear();
        writer.ToString().ShouldBeEmpty();
        GenerationProgress.Summary(1, 2_000, TimeSpan.FromSeconds(4)).ShouldBe("Generated 1 text, 2,000 tokens in 4.0 s: 500 tokens/s.");
    }

    [Fact]
    public void On_a_terminal_the_line_is_written_over_now_and_then()
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture);
        GenerationProgress progress = new(writer, total: 10, isLive: true);
        progress.Tick();
        progress.Tick();
        progress.Clear();

        writer.ToString().ShouldMatch("^\r\u001b\\[K0 of 10 texts, [\\d,]+ tokens/s\r\u001b\\[K$");
    }
}
