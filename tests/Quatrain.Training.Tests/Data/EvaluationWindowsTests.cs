using Quatrain.Tensors;
using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public class EvaluationWindowsTests
{
    [Fact]
    public void Plain_windows_score_every_token_but_the_first_once_whatever_the_sizes()
    {
        RandomSource random = new(1);
        for (int round = 0; round < 300; round++)
        {
            int length = random.NextInt32(60), context = 1 + random.NextInt32(20), stride = 1 + random.NextInt32(context);

            ShouldScoreAllOnce(EvaluationWindows.Plain(Ids(length), context), length);
            EvaluationWindows strided = EvaluationWindows.Plain(Ids(length), context, stride);
            ShouldScoreAllOnce(strided, length);
            // All but the first window give their targets at least this much context.
            strided.Windows.Skip(1).ShouldAllBe(window => window.FirstScored == context - stride);
        }
    }

    [Fact]
    public void Windows_of_records_score_every_token_but_the_first_once_whatever_the_sizes()
    {
        RandomSource random = new(2);
        for (int round = 0; round < 300; round++)
        {
            List<int> starts = [];
            int length = 0;
            for (int record = random.NextInt32(12); record > 0; record--)
            {
                starts.Add(length);
                length += 1 + random.NextInt32(15);
            }

            ShouldScoreAllOnce(EvaluationWindows.OfRecords(Ids(length), [.. starts], 1 + random.NextInt32(20)), length);
        }
    }

    [Fact]
    public void Plain_windows_follow_one_another()
    {
        EvaluationWindows.Plain(Ids(10), 4).Windows.ShouldBe([new(0, 4, 0), new(4, 4, 0), new(8, 1, 0)]);
        EvaluationWindows.Plain(Ids(10), 4, stride: 2).Windows.ShouldBe([new(0, 4, 0), new(2, 4, 2), new(4, 4, 2), new(6, 3, 2)]);
    }

    [Fact]
    public void Windows_of_records_hold_as_many_whole_records_as_fit()
    {
        // Records 0-3 and 4-7, which just fit together, 8-10 and a long one 11-30; windows of 7 inputs.
        EvaluationWindows windows = EvaluationWindows.OfRecords(Ids(31), [0, 4, 8, 11], 7);

        windows.Windows.ShouldBe([new(0, 7, 0), new(7, 3, 0), new(10, 7, 0), new(17, 7, 0), new(24, 6, 0)]);
    }

    [Fact]
    public void Texts_of_fewer_than_two_tokens_have_no_windows()
    {
        EvaluationWindows.Plain(Ids(1), 4).Windows.ShouldBeEmpty();
        EvaluationWindows.OfRecords(Ids(0), [], 4).TargetCount.ShouldBe(0);
    }

    [Fact]
    public void FillBatch_pads_and_ignores()
    {
        EvaluationWindows windows = EvaluationWindows.Plain(Ids(7), 4, stride: 3);
        int[] inputs = new int[12], targets = new int[12];

        windows.FillBatch(0, 3, inputs, targets).ShouldBe(6);

        inputs.ShouldBe([100, 101, 102, 103, 103, 104, 105, 0, 0, 0, 0, 0]);
        targets.ShouldBe([101, 102, 103, 104, -1, 105, 106, -1, -1, -1, -1, -1]);
    }

    [Fact]
    public void AtMost_spreads_windows_evenly_and_keeps_to_the_limit()
    {
        EvaluationWindows all = EvaluationWindows.Plain(Ids(101), 10);

        EvaluationWindows some = all.AtMost(35);

        some.Windows.Select(window => window.Start).ShouldBe([0, 30, 60]);
        some.TargetCount.ShouldBe(30);
        all.AtMost(1).Windows.ShouldBe([new(0, 10, 0)]);
        all.AtMost(0).ShouldBeSameAs(all);
        all.AtMost(100).ShouldBeSameAs(all);
    }

    [Fact]
    public void AtMost_keeps_to_the_limit_whatever_the_records()
    {
        RandomSource random = new(3);
        for (int round = 0; round < 100; round++)
        {
            int[] starts = [.. Enumerable.Range(0, 40).Select(i => i * 20 + (i == 0 ? 0 : random.NextInt32(20)))];
            EvaluationWindows all = EvaluationWindows.OfRecords(Ids(800), starts, 25);
            int limit = 25 + random.NextInt32(500);

            all.AtMost(limit).TargetCount.ShouldBeInRange(1, limit);
        }
    }

    private static int[] Ids(int length) => [.. Enumerable.Range(100, length)];

    // Ids are 100 + position, so a target tells which token it is.
    private static void ShouldScoreAllOnce(EvaluationWindows windows, int length)
    {
        const int BatchSize = 3;
        int[] inputs = new int[BatchSize * windows.ContextLength], targets = new int[inputs.Length];
        List<int> scored = [];
        for (int first = 0; first < windows.Windows.Count; first += BatchSize)
        {
            int count = windows.FillBatch(first, BatchSize, inputs, targets);
            targets.Count(target => target != EvaluationWindows.IgnoreIndex).ShouldBe(count);
            for (int i = 0; i < targets.Length; i++)
            {
                if (targets[i] != EvaluationWindows.IgnoreIndex)
                {
                    inputs[i].ShouldBe(targets[i] - 1);
                    scored.Add(targets[i]);
                }
            }
        }

        scored.ShouldBe(Enumerable.Range(101, Math.Max(0, length - 1)));
        windows.TargetCount.ShouldBe(scored.Count);
    }
}
