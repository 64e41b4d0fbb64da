using Quatrain.Training.FineTuning.Report;

namespace Quatrain.Training.Tests.FineTuning.Report;

public class HtmlBuilderTests
{
    [Fact]
    public void Holes_are_text_unless_they_are_markup()
    {
        HtmlBuilder html = new();
        string hostile = "<i>&";

        html.AppendLine($"<p title=\"{hostile}\">{hostile} {new Markup("<b>x</b>")} {1.5:0.00} {null}</p>");

        html.ToString().ShouldBe("<p title=\"&lt;i&gt;&amp;\">&lt;i&gt;&amp; <b>x</b> 1.50 </p>\n");
    }
}
