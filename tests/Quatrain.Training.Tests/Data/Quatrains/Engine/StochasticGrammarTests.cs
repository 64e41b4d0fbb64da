using System.Text;
using Quatrain.Tensors;
using Quatrain.Training.Data.Quatrains.Engine;

namespace Quatrain.Training.Tests.Data.Quatrains.Engine;

public sealed class StochasticGrammarTests
{
    private const int Number = 0;
    private const int Word = 1;

    [Fact]
    public void Enumerate_gives_every_text_with_probabilities_that_sum_to_one()
    {
        List<Derivation> derivations = [.. StochasticGrammar.Enumerate(SmallRules(), default)];

        derivations.Select(derivation => derivation.Text).ShouldBeUnique();
        derivations.Count.ShouldBe((2 * 2 + 1 * 2) * 3 * 2);
        derivations.Sum(derivation => derivation.Probability).ShouldBe(1, 1e-12);
    }

    [Fact]
    public void Measures_equal_a_direct_computation_over_all_texts()
    {
        StochasticGrammar grammar = new(SmallRules());
        List<Derivation> derivations = [.. StochasticGrammar.Enumerate(grammar.Root, default)];

        double entropy = derivations.Sum(derivation => -derivation.Probability * Math.Log(derivation.Probability));
        double meanLength = derivations.Sum(derivation => derivation.Probability * derivation.Text.Length);

        grammar.Measures.Entropy.ShouldBe(entropy, 1e-12);
        grammar.Measures.MeanLength.ShouldBe(meanLength, 1e-12);
        grammar.Measures.MaxLength.ShouldBe(derivations.Max(derivation => derivation.Text.Length));
    }

    [Fact]
    public void Measures_know_the_entropy_of_a_grammar_worked_out_by_hand()
    {
        // 1/2, 1/4, 1/4 and then a fair coin: 1.5 bits and 1 bit.
        GrammarRule coin = new GrammarRule("coin").OrEach("heads", "tails");
        StochasticGrammar grammar = new(new GrammarRule("root").Or(2, "a ", coin).Or(1, "bb ", coin).Or(1, "ccc ", coin));

        grammar.Measures.Entropy.ShouldBe(2.5 * Math.Log(2), 1e-15);
        grammar.Measures.MeanLength.ShouldBe(7.75, 1e-15);
        grammar.Measures.MaxLength.ShouldBe(9);
    }

    [Fact]
    public void Max_length_never_joins_choices_that_exclude_each_other()
    {
        // The longest of each part would make 8 characters; the guards allow only long with short.
        GrammarRule first = new GrammarRule("first").Or(1, "aaaa", GrammarPart.Set(Word, 1)).Or(1, "a", GrammarPart.Set(Word, 2));
        GrammarRule second = new GrammarRule("second").Or(1, Guard.Is(Word, 2), "bbbb").Or(1, Guard.Is(Word, 1), "b");

        new StochasticGrammar(new GrammarRule("root").Or(1, first, second)).Measures.MaxLength.ShouldBe(5);
    }

    [Fact]
    public void Parse_gives_the_probability_with_which_each_text_is_written()
    {
        StochasticGrammar grammar = new(SmallRules());
        foreach (Derivation derivation in StochasticGrammar.Enumerate(grammar.Root, default))
        {
            Parse parse = grammar.Parse(derivation.Text);

            parse.DerivationCount.ShouldBe(1);
            parse.NegativeLogProbability.ShouldBe(-Math.Log(derivation.Probability), 1e-12);
        }
    }

    [Fact]
    public void Write_draws_each_text_as_often_as_its_probability_says()
    {
        const int Draws = 20_000;
        StochasticGrammar grammar = new(SmallRules());
        RandomSource random = new(5);
        Dictionary<string, int> counts = [];
        for (int i = 0; i < Draws; i++)
        {
            StringBuilder text = new();
            grammar.Write(random, text);
            counts[text.ToString()] = counts.GetValueOrDefault(text.ToString()) + 1;
        }

        foreach (Derivation derivation in StochasticGrammar.Enumerate(grammar.Root, default))
        {
            double standardError = Math.Sqrt(Draws * derivation.Probability * (1 - derivation.Probability));
            ((double)counts[derivation.Text]).ShouldBe(Draws * derivation.Probability, 5 * standardError);
            counts.Remove(derivation.Text);
        }

        counts.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("one cat runs past cow.")]
    [InlineData("one cat run past pig.")]
    [InlineData("two cats runs past pig.")]
    [InlineData("one cat runs past cat.")]
    [InlineData("one cat runs past pig")]
    public void Parse_finds_nothing_in_other_texts(string text) =>
        new StochasticGrammar(SmallRules()).Parse(text).DerivationCount.ShouldBe(0);

    [Fact]
    public void Parse_counts_all_derivations_and_sums_their_probabilities()
    {
        GrammarRule some = new GrammarRule("some").OrEach("a", "aa");
        StochasticGrammar grammar = new(new GrammarRule("root").Or(1, some, some).Or(1, "aaa"));

        Parse parse = grammar.Parse("aaa");

        parse.DerivationCount.ShouldBe(3);
        parse.NegativeLogProbability.ShouldBe(-Math.Log(0.5 * (0.25 + 0.25) + 0.5), 1e-12);
    }

    [Fact]
    public void Parse_stays_small_where_derivations_are_countless()
    {
        // 2^40 ways lead here: only merging them makes this end.
        GrammarRule some = new GrammarRule("some").OrEach("a", "a");
        GrammarPart[] parts = [.. Enumerable.Repeat((GrammarPart)some, 40)];
        StochasticGrammar grammar = new(new GrammarRule("root").Or(1, parts));

        grammar.Parse(new string('a', 40)).DerivationCount.ShouldBe(1L << 40);
        grammar.Parse(new string('a', 39) + "b").DerivationCount.ShouldBe(0);
    }

    [Fact]
    public void Constructor_refuses_a_rule_that_leads_back_to_itself()
    {
        GrammarRule rule = new("loop");
        rule.Or(1, "a").Or(1, "a", rule);

        Should.Throw<ArgumentException>(() => new StochasticGrammar(rule)).Message.ShouldContain("'loop'");
    }

    [Fact]
    public void Measures_refuse_a_choice_with_nothing_open()
    {
        GrammarRule dead = new GrammarRule("dead end").Or(1, Guard.Is(Word, 2), "b");
        StochasticGrammar grammar = new(new GrammarRule("root").Or(1, GrammarPart.Set(Word, 1), dead));

        Should.Throw<InvalidOperationException>(() => grammar.Measures).Message.ShouldContain("'dead end'");
    }

    // Number agrees, and the second animal is another one than the first: two choices that depend on earlier ones, as in the verses.
    private static GrammarRule SmallRules()
    {
        GrammarRule subject = new GrammarRule("subject")
            .Or(3, "one ", new GrammarRule("animal").Or(2, "cat", GrammarPart.Set(Word, 1)).Or(1, "dog", GrammarPart.Set(Word, 2)),
                GrammarPart.Set(Number, 1))
            .Or(2, "two cats", GrammarPart.Set(Number, 2), GrammarPart.Set(Word, 1));
        GrammarRule verb = new GrammarRule("verb")
            .Or(1, Guard.Is(Number, 1), " runs").Or(1, Guard.Is(Number, 2), " run")
            .Or(3, Guard.Is(Number, 1), " waits").Or(3, Guard.Is(Number, 2), " wait");
        GrammarRule other = new GrammarRule("other")
            .Or(4, Guard.Is(Word, 2), " past cat").Or(2, Guard.Is(Word, 1), " past dog").Or(1, " past pig").Or(1, " past ox");
        return new GrammarRule("root").Or(1, subject, verb, other, new GrammarRule("end").Or(9, ".").Or(1, "!"));
    }
}
