using Quatrain.Models.Checkpoints.TensorFlow;

namespace Quatrain.Models.Tests.Checkpoints.TensorFlow;

/// <summary>Small inputs by hand; a whole table that another program packed is in <see cref="SortedTableTests"/>.</summary>
public sealed class SnappyTests
{
    [Theory]
    [InlineData("\u0000", "")]
    [InlineData("\u0003\u0008abc", "abc")]
    [InlineData("\u0003\u00f0\u0002abc", "abc")]
    [InlineData("\u0003\u00f4\u0002\u0000abc", "abc")]
    [InlineData("\u0003\u00f8\u0002\u0000\u0000abc", "abc")]
    [InlineData("\u0003\u00fc\u0002\u0000\u0000\u0000abc", "abc")]
    [InlineData("\u0007\u0008abc\u0001\u0003", "abcabca")] // a copy of 4 from 3 back, by one byte of offset
    [InlineData("\u0009\u0008abc\u0016\u0002\u0000", "abcbcbcbc")] // 6 from 2 back, by two
    [InlineData("\u0008\u0000a\u001b\u0001\u0000\u0000\u0000", "aaaaaaaa")] // 7 from 1 back, by four
    public void Literals_and_copies_are_unpacked(string packed, string expected) =>
        Snappy.TryUnpack(packed.Latin1Bytes()).ShouldNotBeNull().ShouldBe(expected.Latin1Bytes());

    [Theory]
    [InlineData("")]
    [InlineData("\u0003\u0008ab")] // a literal beyond the input
    [InlineData("\u0002\u0008abc")] // beyond the length claimed
    [InlineData("\u0004\u0008abc")] // short of it
    [InlineData("\u0007\u0008abc\u0001\u0004")] // a copy from before the start
    [InlineData("\u0007\u0008abc\u0001\u0000")] // from nowhere
    [InlineData("\u0006\u0008abc\u0001\u0003")] // beyond the length claimed
    [InlineData("\u0007\u0008abc\u0001")] // without its offset
    [InlineData("\u0003\u00fc\u00ff\u00ff\u00ff\u00ffabc")]
    [InlineData("\u00ff\u00ff\u00ff\u00ff\u000f\u0008abc")] // 4 GiB from four bytes
    [InlineData("\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")]
    public void What_breaks_the_format_gives_nothing(string packed) =>
        Hostility.Survives([], 1_000, () => Snappy.TryUnpack(packed.Latin1Bytes()).ShouldBeNull()).ShouldBeTrue();
}
