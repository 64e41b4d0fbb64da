using Quatrain.Training.Data;
using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Options;

namespace Quatrain.Training.Tests.Data;

public sealed class TrainingDataTests : IClassFixture<TrainingDataTests.Verses>
{
    private readonly Verses _verses;

    public TrainingDataTests(Verses verses) => _verses = verses;

    [Fact]
    public void The_floor_of_the_verses_is_what_the_grammar_says_of_the_validation_text()
    {
        QuatrainGrammar grammar = QuatrainGrammar.Default;
        string text = _verses.One.ValidationText;
        string[] verses = text.TrimEnd('\n').Split("\n\n");
        verses.Length.ShouldBe(1000);

        // Verse by verse, as another way to the same sum.
        double sum = verses.Sum(verse => grammar.TryParse(verse, out VerseReading? reading) ? reading.NegativeLogProbability : double.NaN);

        _verses.One.Floor!.Value.ShouldBe(sum / text.Length, 1e-9);
        // A thousand verses are a sample: their mean lies near the grammar's own.
        _verses.One.Floor.Value.ShouldBe(grammar.EntropyPerCharacter, 0.02);
    }

    [Fact]
    public void Every_seed_has_the_same_validation_verses_and_its_own_training_verses()
    {
        (TrainingData one, TrainingData two) = (_verses.One, _verses.Two);

        two.ValidationText.ShouldBe(one.ValidationText);
        two.Tokenizer.ToJson().ShouldBe(one.Tokenizer.ToJson());
        two.Tokens.Validation.Span.SequenceEqual(one.Tokens.Validation.Span).ShouldBeTrue();
        two.Floor.ShouldBe(one.Floor);
        two.Tokens.Train.Span[..1000].SequenceEqual(one.Tokens.Train.Span[..1000]).ShouldBeFalse();
        two.Tokens.Fingerprint.ShouldNotBe(one.Tokens.Fingerprint);
        TrainingData.Quatrains(seed: 1).Tokens.Fingerprint.ShouldBe(one.Tokens.Fingerprint);
    }

    [Fact]
    public void The_verses_are_records_that_are_sampled_and_scored()
    {
        TrainingData data = _verses.One;

        data.Tokens.TrainRecordStarts!.Length.ShouldBe(50_000);
        data.Tokens.ValidationRecordStarts!.Length.ShouldBe(1_000);
        data.Tokenizer.Decode(data.Tokens.Validation.Span).ShouldBe(data.ValidationText);
        data.Grammar.ShouldNotBeNull();
        data.Tokenizer.Decode([.. data.SamplePrompt]).ShouldBe("\n");
        // No verse of one part is repeated so often in the other that the model could know it by heart.
        HashSet<string> training = [.. data.Tokenizer.Decode(data.Tokens.Train.Span).Split("\n\n")];
        data.ValidationText.TrimEnd('\n').Split("\n\n").Count(training.Contains).ShouldBeLessThan(10);
    }

    [Fact]
    public async Task A_text_of_ones_own_is_split_and_has_neither_floor_nor_grammar()
    {
        using TemporaryFolder folder = new();
        string text = string.Concat(Enumerable.Repeat("ab\ncé", 40));

        TrainingData data = await TrainingData.LoadAsync(new TrainingOptions { Data = folder.WriteText("a.txt", text), ContextLength = 16 });

        data.Tokenizer.Decode(data.Tokens.Train.Span).ShouldBe(text[..180]);
        data.ValidationText.ShouldBe(text[180..]);
        data.Tokenizer.Decode(data.Tokens.Validation.Span).ShouldBe(text[180..]);
        data.Tokenizer.VocabularySize.ShouldBe(5);
        (data.Floor, data.Grammar, data.SampleEnd, data.TokenName).ShouldBe((null, null, null, "character"));
        data.Tokenizer.Decode([.. data.SamplePrompt]).ShouldBe("\n");
        data.Tokens.TrainRecordStarts.ShouldBeNull();
    }

    [Fact]
    public async Task Samples_of_a_text_of_one_line_begin_with_its_first_character()
    {
        using TemporaryFolder folder = new();

        TrainingData data = await TrainingData.LoadAsync(new TrainingOptions { Data = folder.WriteText("a.txt", new string('é', 9) + "abc"), ContextLength = 4 });

        data.Tokenizer.Decode([.. data.SamplePrompt]).ShouldBe("é");
    }

    [Theory]
    [InlineData("the sphinx.<|endoftext|>the quartz.", true, "<|endoftext|>", "<|endoftext|>")]
    [InlineData("the sphinx.<|endoftext|>the\nquartz.", false, "\n", null)]
    [InlineData("the sphinx.\nthe quartz.", true, "\n", null)]
    [InlineData("the sphinx. the quartz.", true, "the", null)]
    public async Task Samples_begin_after_the_end_of_a_document_where_there_are_documents(string text, bool endOfText, string prompt, string? end)
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = new()
        {
            Data = folder.WriteText("a.txt", text),
            Tokenizer = folder.WriteBytes("tokenizer.json", SmallBytePairs.Tokenizer.ToJson()),
            EndOfText = endOfText,
            ValidationFraction = 0,
            ContextLength = 4,
        };

        TrainingData data = await TrainingData.LoadAsync(options);

        (data.Tokenizer.Decode([.. data.SamplePrompt]), data.SampleEnd, data.RecordEnd, data.TokenName).ShouldBe((prompt, end, null, "token"));
        data.SamplePrompt.Count.ShouldBe(1);
        data.Tokens.Train.Span.Count(SmallBytePairs.EndOfTextId).ShouldBe(end is null ? 0 : 1);
        data.Tokenizer.Decode(data.Tokens.Train.Span).ShouldBe(text);
    }

    [Fact]
    public async Task Files_of_a_folder_end_with_the_tokenizers_end_of_text()
    {
        using TemporaryFolder folder = new(), elsewhere = new();
        folder.WriteText("1.txt", "the sphinx");
        folder.WriteText("2.md", "the quartz");
        TrainingOptions options = new()
        {
            Data = folder.Path,
            Tokenizer = elsewhere.WriteBytes("tokenizer.json", SmallBytePairs.Tokenizer.ToJson()),
            ValidationFraction = 0,
            ContextLength = 4,
        };

        TrainingData data = await TrainingData.LoadAsync(options), joined = await TrainingData.LoadAsync(options with { EndOfText = false });

        data.Tokens.Train.ToArray().ShouldBe(
            [.. SmallBytePairs.Tokenizer.Encode("the sphinx"), SmallBytePairs.EndOfTextId, .. SmallBytePairs.Tokenizer.Encode("the quartz")]);
        joined.Tokenizer.Decode(joined.Tokens.Train.Span).ShouldBe("the sphinx\nthe quartz");
    }

    [Fact]
    public async Task A_text_shorter_than_the_context_is_refused()
    {
        using TemporaryFolder folder = new();
        TrainingOptions options = new() { Data = folder.WriteText("a.txt", "twenty characters..."), ContextLength = 18 };

        (await Should.ThrowAsync<InvalidDataException>(() => TrainingData.LoadAsync(options))).Message.ShouldContain("18 tokens, but context_length 18");
        (await TrainingData.LoadAsync(options with { ContextLength = 17 })).Tokens.Train.Length.ShouldBe(18);
    }

    /// <summary>The verses of two seeds.</summary>
    public sealed class Verses
    {
        public TrainingData One { get; } = TrainingData.Quatrains(seed: 1);

        public TrainingData Two { get; } = TrainingData.Quatrains(seed: 2);
    }
}
