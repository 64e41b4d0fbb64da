using Quatrain.Training.FineTuning.Report;

namespace Quatrain.Training.Tests.FineTuning.Report;

public class ReportNumbersTests
{
    [Theory]
    [InlineData(null, "–")]
    [InlineData(0.0, "0.0 %")]
    [InlineData(0.98565, "98.6 %")]
    [InlineData(0.9994, "99.9 %")]
    [InlineData(0.9997, "> 99.9 %")]
    [InlineData(1.0, "100.0 %")]
    public void Percent_never_rounds_up_to_all(double? share, string expected) => ReportNumbers.Percent(share).ShouldBe(expected.Replace(' ', '\u00A0'));

    [Theory]
    [InlineData(null, "–")]
    [InlineData(0.95, "0.950")]
    [InlineData(0.99961, "0.9996")]
    [InlineData(0.99996, "> 0.9999")]
    [InlineData(1.0, "1.000")]
    [InlineData(1.2346, "1.235")]
    public void Ratio_never_rounds_up_to_1(double? value, string expected) => ReportNumbers.Ratio(value).ShouldBe(expected.Replace(' ', '\u00A0'));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.00001, "< 0.0001")]
    [InlineData(0.0034, "0.0034")]
    [InlineData(0.5, "0.500")]
    [InlineData(0.9987, "0.9987")]
    [InlineData(0.99999, "> 0.9999")]
    [InlineData(1, "1")]
    [InlineData(1.0000000000000002, "> 1")]
    public void Probability_keeps_what_tells_it_from_0_and_1(double value, string expected) =>
        ReportNumbers.Probability(value).ShouldBe(expected.Replace(' ', '\u00A0'));
}
