using System.Xml.Linq;
using Quatrain.Training.Logging;

namespace Quatrain.Training.Tests.Logging;

public class LossPlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void Render_draws_every_series_axis_title_and_final_number()
    {
        XElement picture = Parse(LossPlot.Render(Run(200), "character", "Loss of a run"));

        Commands(Path(picture, "training")).ShouldBe(200);
        Commands(Path(picture, "smoothed")).ShouldBe(200);
        Commands(Path(picture, "validation")).ShouldBe(4);
        ById(picture, "validation-points").Elements(Svg + "circle").Count().ShouldBe(4);
        ById(picture, "floor").Attribute("stroke-dasharray").ShouldNotBeNull();
        string[] texts = [.. picture.Descendants(Svg + "text").Select(text => text.Value)];
        texts.ShouldContain("Loss of a run");
        texts.ShouldContain("iteration");
        texts.ShouldContain("loss (nats per character)");
        texts.ShouldContain(text => text.Contains("after 200 iterations", StringComparison.Ordinal) && text.Contains("floor 1.000", StringComparison.Ordinal));
        ById(picture, "legend").Elements(Svg + "text").Select(text => text.Value).ShouldBe(["training", "validation", "floor"]);
    }

    [Fact]
    public void Render_leaves_out_what_there_is_not()
    {
        XElement picture = Parse(LossPlot.Render([.. Run(20).OfType<StepRecord>()]));

        ById(picture, "legend").Elements(Svg + "text").Select(text => text.Value).ShouldBe(["training"]);
        picture.Descendants().ShouldNotContain(element => (string?)element.Attribute("id") == "floor");
    }

    [Fact]
    public void Render_thins_long_runs_but_keeps_their_peaks()
    {
        MetricRecord[] run = [.. Enumerable.Range(1, 100_000).Select(step => new StepRecord(step, step == 54_321 ? 9 : 1, 1, 1, 1, 1))];

        string picture = LossPlot.Render(run);

        picture.Length.ShouldBeLessThan(100_000);
        string path = Path(Parse(picture), "training");
        // The peak is drawn as one point well above all others.
        path.Split('M', 'L').Skip(1).Count(point => double.Parse(point.Split(' ')[1]) < 200).ShouldBe(1);
    }

    [Fact]
    public void Render_breaks_lines_where_the_loss_is_not_finite()
    {
        MetricRecord[] run = [.. Run(100)];
        run[50] = new StepRecord(51, double.NaN, 1, 1, 1, 1);
        run[51] = new StepRecord(52, double.PositiveInfinity, 1, 1, 1, 1);

        string picture = LossPlot.Render(run);

        picture.ShouldNotContain("NaN");
        picture.ShouldNotContain("∞");
        Path(Parse(picture), "training").Count(c => c == 'M').ShouldBe(2);
    }

    public static TheoryData<MetricRecord[]> Odd => new(
        [],
        [new StepRecord(0, 4, 1, 1, 1, 1)],
        [new StepRecord(7, 4, 1, 1, 1, 1)],
        [new StepRecord(1, double.NaN, 1, 1, 1, 1)],
        [new EvaluationRecord(3, 2, double.NaN)],
        [new EvaluationRecord(3, double.NaN, 1.5)],
        [new StepRecord(1, 0, 1, 1, 1, 1), new StepRecord(2, 0, 1, 1, 1, 1)],
        [new StepRecord(1, -5, 1, 1, 1, 1), new StepRecord(2, 5, 1, 1, 1, 1)],
        [new StepRecord(1, double.MaxValue, 1, 1, 1, 1), new StepRecord(2, double.MinValue, 1, 1, 1, 1)],
        [new StepRecord(1, 1e-300, 1, 1, 1, 1), new StepRecord(2, 2e-300, 1, 1, 1, 1)],
        [new StepRecord(1, 3, 1, 1, 1, 1), new StepRecord(2, 3 + 1e-15, 1, 1, 1, 1)],
        [new StepRecord(1, 9e8, 1, 1, 1, 1), new StepRecord(2, 1, 1, 1, 1, 1)],
        [new StepRecord(long.MaxValue, 3, 1, 1, 1, 1), new StepRecord(5, 2, 1, 1, 1, 1)]);

    [Theory]
    [MemberData(nameof(Odd))]
    public void Render_survives_odd_records(MetricRecord[] records)
    {
        string text = LossPlot.Render(records, "<&>\"'\0\ud800", "ü𝄞 <b>&amp;");

        XElement picture = Parse(text);
        text.ShouldNotContain("NaN");
        text.ShouldNotContain("Infinity");
        text.Length.ShouldBeLessThan(10_000);
        ById(picture, "axes").Elements(Svg + "text").Count().ShouldBeInRange(5, 30);
    }

    [Fact]
    public void Write_makes_the_file()
    {
        using TemporaryFolder folder = new();

        LossPlot.Write(folder.File("loss.svg"), Run(10));

        File.ReadAllText(folder.File("loss.svg")).ShouldBe(LossPlot.Render(Run(10)));
    }

    private static List<MetricRecord> Run(int steps)
    {
        List<MetricRecord> records = [.. Enumerable.Range(1, steps).Select(step => new StepRecord(step, 1 + 3.0 / step, 1, 1, 1, 1))];
        records.AddRange(Enumerable.Range(1, steps / 50).Select(i => new EvaluationRecord(50 * i, 1.1 + 3.0 / (50 * i), Floor: 1)));
        return records;
    }

    private static XElement Parse(string picture) => XDocument.Parse(picture).Root!;

    private static XElement ById(XElement picture, string id) => picture.Descendants().Single(element => (string?)element.Attribute("id") == id);

    private static string Path(XElement picture, string id) => (string)ById(picture, id).Attribute("d")!;

    private static int Commands(string path) => path.Count(c => c is 'M' or 'L');
}
