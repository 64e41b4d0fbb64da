using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Tests;

public sealed class TextGeneratorTests : IDisposable
{
    private static readonly CharacterTokenizer Tokenizer = CharacterTokenizer.FromText("abcdefgh \né😀");
    private static readonly GenerationOptions Options = new() { MaxTokens = 60, Sampling = new SamplingOptions { Temperature = 1.5 }, Seed = 3 };

    private readonly WorkerPool _pool = new(1);
    private readonly Gpt2Model _model = RandomModel.Create(16, Tokenizer.VocabularySize);
    private readonly TextGenerator _generator;

    public TextGeneratorTests() => _generator = new TextGenerator(_model, Tokenizer, _pool);

    public void Dispose()
    {
        _generator.Dispose();
        _model.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void The_text_is_that_of_the_ids_and_comes_piece_by_piece()
    {
        int[] prompt = Tokenizer.Encode("abc");
        List<string> pieces = [];

        GenerationResult result = _generator.Generate(prompt, Options, pieces.Add);

        result.PromptIds.ShouldBe(prompt);
        result.Ids.Count.ShouldBe(60);
        result.Ids.Distinct().Count().ShouldBeGreaterThan(5);
        result.Text.ShouldBe(Tokenizer.Decode([.. result.Ids]));
        result.FinishReason.ShouldBe(FinishReason.Length);
        result.TokensPerSecond.ShouldBeGreaterThan(0);
        pieces.Count.ShouldBe(60);
        string.Concat(pieces).ShouldBe(result.Text);
    }

    /// <summary>Every token is one character, so a longer stop text always spans tokens.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_stop_text_ends_the_text_before_it_and_is_never_shown(int length)
    {
        int[] prompt = Tokenizer.Encode("abc");
        GenerationResult whole = _generator.Generate(prompt, Options);
        // A stop text from the middle; a character that comes twice in it would not change what is expected.
        string stop = Tokenizer.Decode([.. whole.Ids.Skip(30).Take(length)]);
        int at = whole.Text!.IndexOf(stop, StringComparison.Ordinal);
        List<string> pieces = [];

        GenerationResult result = _generator.Generate(prompt, Options with { Stop = ["no such text", stop] }, pieces.Add);

        result.FinishReason.ShouldBe(FinishReason.Stop);
        result.Text.ShouldBe(whole.Text[..at]);
        string.Concat(pieces).ShouldBe(result.Text);
        Tokenizer.Decode([.. result.Ids]).ShouldBe(whole.Text[..(at + stop.Length)]);
        result.Ids.ShouldBe(whole.Ids.Take(result.Ids.Count));
    }

    [Fact]
    public void A_stop_text_that_was_only_begun_is_shown_at_the_end()
    {
        int[] prompt = Tokenizer.Encode("abc");
        string whole = _generator.Generate(prompt, Options).Text!;
        List<string> pieces = [];

        GenerationResult result = _generator.Generate(prompt, Options with { Stop = [whole[^3..] + "x"] }, pieces.Add);

        result.FinishReason.ShouldBe(FinishReason.Length);
        result.Text.ShouldBe(whole);
        string.Concat(pieces).ShouldBe(whole);
        pieces[^1].Length.ShouldBeGreaterThanOrEqualTo(3);
    }

    [Fact]
    public void Cancelling_returns_what_is_there()
    {
        using CancellationTokenSource source = new();
        List<string> pieces = [];

        GenerationResult result = _generator.Generate(Tokenizer.Encode("abc"), Options, piece =>
        {
            pieces.Add(piece);
            if (pieces.Count == 5)
            {
                source.Cancel();
            }
        }, source.Token);

        result.FinishReason.ShouldBe(FinishReason.Cancelled);
        result.Ids.Count.ShouldBe(5);
        result.Text.ShouldBe(string.Concat(pieces));
    }

    [Fact]
    public void Each_of_many_texts_is_what_its_seed_gives_alone_up_to_its_own_stop()
    {
        GenerationOptions options = Options with { Stop = ["a", "\n"] };

        IReadOnlyList<string> texts = _generator.GenerateMany("abc", 6, options);

        texts.Count.ShouldBe(6);
        texts.Distinct().Count().ShouldBeGreaterThan(3);
        for (int i = 0; i < 6; i++)
        {
            ulong seed = i == 0 ? options.Seed : RandomSource.Mix(options.Seed, (ulong)i);
            texts[i].ShouldBe(_generator.Generate(Tokenizer.Encode("abc"), options with { Seed = seed }).Text);
        }
    }

    [Fact]
    public void A_batch_gives_each_prompt_the_result_it_gets_alone()
    {
        string[] prompts = ["abc", "é", "abcdefgh abcdefgh abcdefgh", "abd", "h\n"];
        GenerationOptions[] options = [Options, Options with { Stop = ["a", "\n"] }, Options with { MaxTokens = 5 }, Options with { StopTokens = [3] }, Options with { Seed = 8 }];
        GenerationResult[] expected = [.. prompts.Zip(options, (prompt, option) => _generator.Generate(Tokenizer.Encode(prompt), option))];
        GenerationResult[] results = new GenerationResult[5];
        string[] shown = ["", "", "", "", ""];

        _generator.GenerateBatch(
            Enumerable.Range(0, 5).Select(i => new TextRequest(Tokenizer.Encode(prompts[i]), options[i], result => results[i] = result) { Show = piece => shown[i] += piece }), 3);

        for (int i = 0; i < 5; i++)
        {
            results[i].Text.ShouldBe(expected[i].Text);
            results[i].Ids.ShouldBe(expected[i].Ids);
            results[i].PromptIds.ShouldBe(expected[i].PromptIds);
            results[i].FinishReason.ShouldBe(expected[i].FinishReason);
            shown[i].ShouldBe(expected[i].Text);
        }

        expected.Select(result => result.FinishReason).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public void A_model_without_a_tokenizer_gives_the_same_ids_and_no_text()
    {
        using TextGenerator generator = new(_model, tokenizer: null, _pool);
        int[] prompt = Tokenizer.Encode("abc");

        GenerationResult result = generator.Generate(prompt, Options, _ => throw new InvalidOperationException());

        result.Text.ShouldBeNull();
        result.Ids.ShouldBe(_generator.Generate(prompt, Options).Ids);
        Should.Throw<InvalidDataException>(() => generator.Generate(prompt, Options with { Stop = ["a"] })).Message.ShouldContain("has none");
        Should.Throw<InvalidDataException>(() => generator.GenerateMany("abc", 2, Options)).Message.ShouldContain("no tokenizer");
    }

    [Fact]
    public void Impossible_prompts_and_stop_texts_are_refused()
    {
        Should.Throw<InvalidDataException>(() => _generator.Generate([], Options)).Message.ShouldContain("prompt is empty");
        Should.Throw<InvalidDataException>(() => _generator.GenerateMany("", 2, Options)).Message.ShouldContain("prompt is empty");
        Should.Throw<InvalidDataException>(() => _generator.GenerateMany("xyz", 2, Options)).Message.ShouldContain("x");
        Should.Throw<InvalidDataException>(() => _generator.Generate([0], Options with { Stop = [""] })).Message.ShouldContain("empty");
    }
}
