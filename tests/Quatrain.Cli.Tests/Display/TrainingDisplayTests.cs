using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Tests.Support;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Tests.Display;

[Collection(TinyRunTests.Name)]
public sealed class TrainingDisplayTests(TinyRun tiny) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, "00:00 left")]
    [InlineData(75.9, "01:15 left")]
    [InlineData(3600, "1:00:00 left")]
    [InlineData(86_399, "23:59:59 left")]
    [InlineData(90_000, "1 d 01 h left")]
    [InlineData(86_400 * 999.5, "999 d 12 h left")]
    [InlineData(1e12, "over 1000 days left")]
    [InlineData(double.PositiveInfinity, "over 1000 days left")]
    [InlineData(double.NaN, "over 1000 days left")]
    public void The_time_left_is_told_in_the_units_that_fit(double seconds, string expected) => TrainingDisplay.TimeLeft(seconds).ShouldBe(expected);

    [Fact]
    public async Task A_long_step_shows_life_before_it_is_done()
    {
        string text = await Train(TimeSpan.Zero, TimeSpan.FromHours(1));

        // Three batches a step, of which the first that is done is told of.
        text.ShouldMatch(@"\nstep 1/2 \(33\.3 % of it\)  loss \d\.\d+  [\d,]+ tokens/s  [\d:]+ left\nstep 1/2  loss");
        text.ShouldNotContain("66.7 % of it");
    }

    [Fact]
    public async Task Lines_come_again_after_a_while()
    {
        string text = await Train(TimeSpan.Zero, TimeSpan.Zero);

        text.ShouldContain("step 1/2 (66.7 % of it)");
        text.ShouldContain("step 2/2 (33.3 % of it)");
    }

    [Fact]
    public async Task Short_steps_are_not_told_of_in_parts() => (await Train(TimeSpan.FromHours(1), TimeSpan.FromHours(1))).ShouldNotContain("% of it");

    private async Task<string> Train(TimeSpan first, TimeSpan next)
    {
        TrainingOptions options = new()
        {
            Data = tiny.TextPath,
            LayerCount = 1,
            HeadCount = 1,
            EmbeddingSize = 8,
            ContextLength = 8,
            BatchSize = 2,
            AccumulationSteps = 3,
            Iterations = 2,
            EvalEvery = 0,
            ValidationFraction = 0,
        };
        using StringWriter error = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        using WorkerPool pool = new(1);
        TrainingDisplay display = new(error, first, next);
        using TrainingRun run = await TrainingRun.BeginAsync(new RunFolder(_folder.File("run")), options, pool, display);
        display.Show(() => run.Run());
        return error.ToString();
    }
}
