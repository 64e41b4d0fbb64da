using Quatrain.Cli.Display;

namespace Quatrain.Cli.Tests.Display;

public sealed class ScoringProgressTests
{
    [Theory]
    [InlineData(0.2, "1 s")]
    [InlineData(99, "99 s")]
    [InlineData(150, "3 min")]
    [InlineData(9000, "2.5 h")]
    public void Time_left_is_told_in_the_unit_that_fits(double seconds, string expected) => ScoringProgress.TimeLeft(seconds).ShouldBe(expected);

    [Fact]
    public void What_is_cancelled_after_it_has_reported_ends_with_what_there_is()
    {
        using CancellationTokenSource source = new();
        int reports = 0;

        ScoringProgress.Show(TextWriter.Null, 10, progress =>
        {
            progress.Report(1, 100, "so far");
            reports++;
            source.Cancel();
            source.Token.ThrowIfCancellationRequested();
            reports++;
        }, source.Token);

        reports.ShouldBe(1);
        Should.Throw<OperationCanceledException>(() => ScoringProgress.Show(TextWriter.Null, 10, _ => source.Token.ThrowIfCancellationRequested(), source.Token));
        Should.Throw<InvalidDataException>(() => ScoringProgress.Show(TextWriter.Null, 10, _ => throw new InvalidDataException(), source.Token));
    }
}
