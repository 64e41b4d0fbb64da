using Quatrain.Inference.Evaluation;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Tests.Evaluation;

public sealed class BenchmarkRunTests : IDisposable
{
    // Ids 0 to 26 in this order, so the model writes the alphabet, then a space, then the alphabet again.
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz ";

    private static readonly CharacterTokenizer Tokenizer = new([.. Alphabet.EnumerateRunes()]);

    private readonly Gpt2Model _model = SuccessorModel.Create(contextLength: 24, vocabularySize: Alphabet.Length);
    private readonly WorkerPool _pool = new(1);

    public void Dispose()
    {
        _model.Dispose();
        _pool.Dispose();
    }

    [Theory]
    [InlineData(BenchmarkKind.HellaSwag)]
    [InlineData(BenchmarkKind.HellaSwagHarness)]
    public void The_ending_that_goes_on_with_the_alphabet_is_chosen(BenchmarkKind kind)
    {
        BenchmarkItem[] items =
        [
            new(1, "1", "wxyz", [" zzz", " abc", " acd"], 1),
            new(2, "2", "z", [" abcdef", " b"], 0),
            new(3, "3", "yz", [" ba", " ab"], 0),
        ];

        Dictionary<int, BenchmarkOutcome> outcomes = Run(kind, items);

        outcomes[1].Chosen.ShouldBe(1);
        outcomes[2].Chosen.ShouldBe(0);
        outcomes[3].Chosen.ShouldBe(1);
        outcomes[1].Scores.Select(score => score.IsGreedy).ShouldBe([false, true, false]);
        outcomes[1].Scores.Select(score => score.Tokens).ShouldBe([4, 4, 4]);
        BenchmarkResult result = new(kind, [.. outcomes.Values]);
        (result.Accuracy, result.AccuracyByToken, result.AccuracyByCharacter).ShouldBe((new Share(2, 3), new Share(2, 3), new Share(2, 3)));
        (result.Items, result.Truncated, result.Perplexity).ShouldBe((3, 0, null));
    }

    [Fact]
    public void The_last_word_that_goes_on_with_the_alphabet_is_written()
    {
        Dictionary<int, BenchmarkOutcome> outcomes = Run(BenchmarkKind.Lambada, [new(1, "1", "xyz", [" abc"], 0), new(2, "2", "xyz", [" abd"], 0)]);

        BenchmarkResult result = new(BenchmarkKind.Lambada, [outcomes[1], outcomes[2]]);

        result.Accuracy.ShouldBe(new Share(1, 2));
        double first = outcomes[1].Scores[0].Loss, second = outcomes[2].Scores[0].Loss;
        second.ShouldBeGreaterThan(first + 5);
        result.MeanLoss!.Value.ShouldBe((first + second) / 2, 1e-12);
        result.Perplexity!.Value.ShouldBe(Math.Exp((first + second) / 2), 1e-9);
        // Of two numbers the standard error is half their distance.
        result.MeanLossStandardError!.Value.ShouldBe((second - first) / 2, 1e-9);
    }

    [Fact]
    public void A_context_too_long_keeps_its_newest_tokens()
    {
        string longContext = new string('q', 40) + "xyz";

        Dictionary<int, BenchmarkOutcome> outcomes = Run(BenchmarkKind.HellaSwag, [new(1, "1", longContext, [" a", " abcdefgh"], 1), new(2, "2", "xyz", [" a", " b"], 0)]);

        outcomes[1].IsTruncated.ShouldBeTrue();
        outcomes[2].IsTruncated.ShouldBeFalse();
        new BenchmarkResult(BenchmarkKind.HellaSwag, [.. outcomes.Values]).Truncated.ShouldBe(1);
        ContinuationScore kept = Run(BenchmarkKind.HellaSwag, [new(1, "1", longContext[^16..], [" abcdefgh", " b"], 0)])[1].Scores[0];
        outcomes[1].Scores[1].ShouldBe(kept);
        outcomes[1].Scores[1].IsGreedy.ShouldBeTrue();
    }

    [Fact]
    public void Spaces_at_a_context_s_end_belong_to_the_choice()
    {
        BenchmarkOutcome outcome = Run(BenchmarkKind.HellaSwagHarness, [new(1, "1", "xyz  ", [" a", " b"], 0)])[1];

        outcome.Scores[0].Tokens.ShouldBe(4);
    }

    [Fact]
    public void Items_that_can_not_be_encoded_are_refused_by_their_line()
    {
        Refused(new(4, "4", "a!", [" a", " b"], 0)).ShouldStartWith("The item on line 4 of 'file' can't be encoded: The character '!'");
        Refused(new(5, "5", "a", [" a", " " + new string('b', 24)], 0))
            .ShouldBe("'file' can't be used: on line 5 a choice has 25 tokens, but the model looks at 24 at most; name the benchmark's file as its authors made it.");

        string Refused(BenchmarkItem item) => Should.Throw<InvalidDataException>(() => Run(BenchmarkKind.HellaSwag, [item])).Message;
    }

    [Fact]
    public void The_three_choices_are_by_their_own_measures()
    {
        // Losses 6, 4, 5; a token 2, 4, 2.5; a character 6/2, 4/1, 5/5.
        BenchmarkOutcome outcome = new(new BenchmarkItem(1, "1", "x", [" ab", " \U0001F600", " abcde"], 0), [new(6, 3, false), new(4, 1, false), new(5, 2, false)], false);

        (outcome.Chosen, outcome.ChosenByMean, outcome.ChosenByCharacter).ShouldBe((1, 0, 2));
    }

    [Fact]
    public void A_share_has_the_standard_error_of_its_sample()
    {
        new Share(1, 4).Value.ShouldBe(0.25);
        new Share(1, 4).StandardError.ShouldBe(Math.Sqrt(0.25 * 0.75 / 3), 1e-12);
        double.IsNaN(new Share(1, 1).StandardError).ShouldBeTrue();
    }

    private Dictionary<int, BenchmarkOutcome> Run(BenchmarkKind kind, BenchmarkItem[] items)
    {
        Dictionary<int, BenchmarkOutcome> outcomes = [];
        new BenchmarkRun(kind, items, "file", _model, Tokenizer).Score(_pool, (outcome, _) => outcomes.Add(outcome.Item.Line, outcome));
        outcomes.Count.ShouldBe(items.Length);
        return outcomes;
    }
}
