using System.Text.RegularExpressions;
using System.Xml.Linq;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;
using Quatrain.Training.Tests.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Report;

public partial class ReportPageTests
{
    public static TheoryData<string> Names => [.. Reports.Keys];

    private static Dictionary<string, Func<ClassifierReport>> Reports => new()
    {
        ["spam filter with a threshold"] = () => SampleReport.Spam(),
        ["most probable class"] = () => SampleReport.Spam(null),
        ["few texts"] = () => SampleReport.Spam(0.01, 40, 3),
        ["topics"] = () => SampleReport.Topics(),
        ["empty"] = () => With([], []),
        ["one text"] = () => With(ExampleSets.Binary((1, 0)), ExampleSets.Binary((1, 1))),
        ["all one class"] = () => With(ExampleSets.Binary((1, 0), (-2, 0)), ExampleSets.Binary((1, 0), (-1, 0))),
        ["perfect"] = () => With(ExampleSets.Binary((900, 1), (-900, 0)), ExampleSets.Binary((900, 1), (-900, 0))),
        ["identical scores"] = () => With(ExampleSets.Binary((0, 1), (0, 0)), ExampleSets.Binary((0, 1), (0, 0))),
        ["sure and wrong"] = () => With(ExampleSets.Binary((3e38f, 0), (-3e38f, 1)), ExampleSets.Binary((3e38f, 0), (-3e38f, 1))),
        ["odd curve"] = () => With(
            [], [], [new(0, 0, null, double.NaN, null), new(double.PositiveInfinity, 5, double.PositiveInfinity, 1e300, 0), new(1, 6, null, null, 1)]),
        ["flat curve"] = () => With([], [], [new(0, 0, 0, 0, 1), new(0, 0, 0, 0, 1)]),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Render_makes_one_whole_page_that_needs_nothing_else(string name)
    {
        string page = ReportPage.Render(Reports[name]());

        page.ShouldStartWith("<!DOCTYPE html>");
        page.TrimEnd().ShouldEndWith("</html>");
        foreach (string foreign in new[] { "<script", "<img", "<link", "<iframe", "<object", "http://", "https://", "src=", "href=", "url(", "@import", "NaN", "∞", "Infinity" })
        {
            // What a text says is shown, but escaped: a bare bracket or a quote in a tag would be ours.
            Bare(page).ShouldNotContain(foreign);
        }

        // All elements but those that HTML leaves open are closed in order, which is what an XML parser checks.
        XElement html = XElement.Parse(VoidElement().Replace(page["<!DOCTYPE html>".Length..], "$0</$1>").Replace("&#160;", " ", StringComparison.Ordinal));
        string[] ids = [.. html.Descendants().Attributes("id").Select(id => id.Value)];
        ids.ShouldBeUnique();
        html.Descendants("th").ShouldAllBe(cell => cell.Attribute("scope") != null);
        html.Descendants("svg").ShouldAllBe(picture => (string)picture.Attribute("role")! == "img" && picture.Element("title") != null);
        html.Descendants().Attributes().ShouldAllBe(attribute => !attribute.Name.LocalName.StartsWith("on"));
    }

    [Fact]
    public void Hostile_texts_and_names_are_shown_as_text()
    {
        string page = ReportPage.Render(SampleReport.Topics());

        page.ShouldContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&lt;img src=x onerror=&#39;alert(2)&#39;&gt;&amp;lt; WIN £1000 ☎ 😀 \uFFFDgnp.exe␀␛[31m \uFFFD end");
        page.ShouldContain("sport &amp; &lt;b&gt;leisure&lt;/b&gt;");
        page.ShouldNotContain("<script");
        page.ShouldNotContain("<b>");
    }

    [Fact]
    public void The_page_says_what_matters_first()
    {
        ClassifierReport report = SampleReport.Spam();

        string text = Text(ReportPage.Render(report));

        ClassificationMetrics test = report.Evaluation.Test;
        text.ShouldContain($"{test.Confusion.Correct:N0} of 1,115 test texts");
        text.ShouldContain(ReportNumbers.Percent(test.AccuracyInterval));
        text.ShouldContain("Logistic regression on character n-grams, trained on the same texts in 2.4 s, is right on " + ReportNumbers.Percent(report.Baseline!.Evaluation.Test.Accuracy));
        text.ShouldContain("McNemar");
        text.ShouldContain("at most 1.0\u00A0% of the other texts taken for “spam”");
        text.ShouldContain("41 different texts lie in more than one part");
        text.ShouldContain("8.3 times faster");
        text.IndexOf("Always answering “ham”", StringComparison.Ordinal).ShouldBeLessThan(text.IndexOf("ROC curve", StringComparison.Ordinal));
    }

    [Fact]
    public void A_threshold_is_drawn_where_it_stands_and_argmax_has_no_section_for_it()
    {
        ReportPage.Render(SampleReport.Spam()).ShouldContain("<h2>The threshold</h2>");
        ReportPage.Render(SampleReport.Spam(null)).ShouldNotContain("<h2>The threshold</h2>");
        ReportPage.Render(SampleReport.Spam()).ShouldContain("scores-threshold");
        ReportPage.Render(SampleReport.Topics()).ShouldNotContain("scores-threshold");
    }

    [Fact]
    public void At_most_a_hundred_mistakes_are_listed_and_long_ones_are_cut()
    {
        ScoredExample[] wrong = [.. Enumerable.Range(0, 150).Select(i => new ScoredExample(new string('x', 599) + "😀 and more", 0, [0, 1 + i]))];

        string page = ReportPage.Render(With([], wrong));

        page.ShouldContain("The surest 100 of 150");
        page.Split("class=\"text\"").Length.ShouldBe(101);
        page.ShouldContain(new string('x', 599) + "… (610 characters)");
    }

    [Fact]
    public void Write_makes_the_file_whole()
    {
        using TemporaryFolder folder = new();

        ReportPage.Write(folder.File("report.html"), SampleReport.Topics());

        File.ReadAllText(folder.File("report.html")).ShouldBe(ReportPage.Render(SampleReport.Topics()));
        Directory.GetFiles(folder.Path).Length.ShouldBe(1);
    }

    private static ClassifierReport With(ScoredExample[] validation, ScoredExample[] test, CurvePoint[]? curve = null) => SampleReport.Spam(null) with
    {
        Evaluation = ClassifierEvaluation.Compute(validation, test, ["ham", "spam"], positiveClass: 1),
        Baseline = null,
        Training = new TrainingSummary(curve ?? [], BestEpoch: 0, Seconds: 1, ExamplesPerSecond: 0),
    };

    // The page without what escaped texts say.
    private static string Bare(string page) => page.Replace(Quatrain.Training.Plots.MarkupText.Escape(SampleReport.HostileText), "", StringComparison.Ordinal);

    private static string Text(string page) => Regex.Replace(Tag().Replace(page, ""), " *\n *", " ");

    [GeneratedRegex("<(meta)[^>]*>")]
    private static partial Regex VoidElement();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();
}
