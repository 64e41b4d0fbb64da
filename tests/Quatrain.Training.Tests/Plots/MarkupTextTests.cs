using System.Xml.Linq;
using Quatrain.Training.Plots;

namespace Quatrain.Training.Tests.Plots;

public class MarkupTextTests
{
    [Theory]
    [InlineData("plain £ é 日本 😀", "plain £ é 日本 😀")]
    [InlineData("<b a=\"x\" c='y'>&amp;", "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;")]
    [InlineData("tab\tline\r\nend", "tab\tline\r\nend")]
    [InlineData("\0\u001B\u007F\u0085", "␀␛␡\uFFFD")]
    [InlineData("\u202Eevil\u2066", "\uFFFDevil\uFFFD")]
    [InlineData("\uFFFE\uFFFF", "\uFFFD\uFFFD")]
    public void Escape_leaves_text_that_is_only_text(string text, string expected) => MarkupText.Escape(text).ShouldBe(expected);

    [Fact]
    public void Escape_replaces_half_a_surrogate_pair() => MarkupText.Escape("a\uD800b\uDC00").ShouldBe("a\uFFFDb\uFFFD");

    [Fact]
    public void Every_character_may_stand_in_an_element_and_an_attribute()
    {
        string all = MarkupText.Escape(new string([.. Enumerable.Range(0, 0x10000).Select(code => (char)code)]));

        XElement element = XElement.Parse($"<a b=\"{all}\">{all}</a>");

        element.Elements().ShouldBeEmpty();
        element.Value.ShouldContain("<");
    }
}
