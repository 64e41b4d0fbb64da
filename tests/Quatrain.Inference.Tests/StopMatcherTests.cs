using Quatrain.Tensors;

namespace Quatrain.Inference.Tests;

public sealed class StopMatcherTests
{
    [Fact]
    public void Text_before_the_stop_string_is_shown_and_nothing_of_it_or_after_it()
    {
        StopMatcher matcher = new(["\n\n"]);

        matcher.Append("one\ntwo\n\nthree", out string emit).ShouldBeTrue();

        emit.ShouldBe("one\ntwo");
        matcher.Flush().ShouldBe("");
    }

    [Fact]
    public void A_possible_beginning_is_held_back_until_it_is_decided()
    {
        StopMatcher matcher = new(["END", "<|end|>"]);

        Append(matcher, "The E").ShouldBe((false, "The "));
        Append(matcher, "N").ShouldBe((false, ""));
        Append(matcher, "T").ShouldBe((false, "ENT"));
        Append(matcher, "").ShouldBe((false, ""));
        Append(matcher, "<|en<|end").ShouldBe((false, "<|en"));
        Append(matcher, "|>x").ShouldBe((true, ""));
    }

    [Fact]
    public void Flush_gives_the_held_back_end()
    {
        StopMatcher matcher = new(["abc"]);

        Append(matcher, "xab").ShouldBe((false, "x"));
        matcher.Flush().ShouldBe("ab");
        matcher.Flush().ShouldBe("");
        Append(matcher, "c").ShouldBe((false, "c"));
    }

    [Theory]
    [InlineData("xabcd", new[] { "abcd", "bc" }, "xa")]
    [InlineData("xabcd", new[] { "bcd", "abcd", "d" }, "x")]
    [InlineData("aaab", new[] { "aab" }, "a")]
    [InlineData("ababac", new[] { "abac" }, "ab")]
    public void The_first_completed_stop_string_wins_and_of_equals_the_longest(string text, string[] stops, string shown)
    {
        StopMatcher matcher = new(stops);

        Append(matcher, text).ShouldBe((true, shown));
    }

    [Fact]
    public void Without_stop_strings_all_text_passes()
    {
        StopMatcher matcher = new([]);

        Append(matcher, "abc").ShouldBe((false, "abc"));
        matcher.Flush().ShouldBe("");
    }

    [Fact]
    public void Empty_stop_strings_are_refused() =>
        Should.Throw<InvalidDataException>(() => new StopMatcher(["a", ""]))
            .Message.ShouldBe("Stop string 2 is empty; give it at least one character or leave it out.");

    [Fact]
    public void Text_after_the_end_is_refused()
    {
        StopMatcher matcher = new(["a"]);
        matcher.Append("a", out _);

        Should.Throw<InvalidOperationException>(() => matcher.Append("b", out _));
    }

    [Fact]
    public void Any_pieces_of_any_text_give_what_a_plain_search_gives()
    {
        RandomSource random = new(17);
        int stopped = 0;
        for (int round = 0; round < 20_000; round++)
        {
            string text = RandomText(random, random.NextInt32(25));
            string[] stops = [.. Enumerable.Range(0, random.NextInt32(4)).Select(_ => RandomText(random, 1 + random.NextInt32(6)))];
            string context = $"text '{text}', stops '{string.Join("', '", stops)}'";
            (bool isStopped, string expected) = Search(text, stops);
            stopped += isStopped ? 1 : 0;

            StopMatcher matcher = new(stops);
            string shown = "";
            int position = 0;
            bool hasStopped = false;
            while (position < text.Length && !hasStopped)
            {
                int length = Math.Min(random.NextInt32(5), text.Length - position);
                hasStopped = matcher.Append(text.Substring(position, length), out string emit);
                position += length;
                shown += emit;
                if (!hasStopped)
                {
                    string held = text[shown.Length..position];
                    held.ShouldBe(LongestBeginning(text[..position], stops), $"held back, {context}");
                }
            }

            shown += matcher.Flush();
            hasStopped.ShouldBe(isStopped, context);
            shown.ShouldBe(expected, context);
        }

        stopped.ShouldBeInRange(5_000, 15_000);
    }

    private static (bool IsStopped, string Shown) Search(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            string[] completed = [.. stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal))];
            if (completed.Length > 0)
            {
                return (true, text[..(end - completed.Max(stop => stop.Length))]);
            }
        }

        return (false, text);
    }

    private static string LongestBeginning(string text, string[] stops)
    {
        for (int start = 0; start < text.Length; start++)
        {
            if (stops.Any(stop => stop.StartsWith(text[start..], StringComparison.Ordinal)))
            {
                return text[start..];
            }
        }

        return "";
    }

    private static string RandomText(RandomSource random, int length) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => "abc"[random.NextInt32(3)]));

    private static (bool IsStopped, string Emit) Append(StopMatcher matcher, string piece) =>
        (matcher.Append(piece, out string emit), emit);
}
