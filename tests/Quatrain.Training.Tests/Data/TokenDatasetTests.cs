using System.Text;
using Quatrain.Tests;
using Quatrain.Tokenizers;
using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public class TokenDatasetTests
{
    private static readonly CharacterCodes Codes = new();

    [Theory]
    [InlineData(10, 9)]
    [InlineData(101, 90)]
    [InlineData(1_115_394, 1_003_854)]
    public void FromText_splits_as_nanoGPT_does(int length, int trainLength)
    {
        TokenDataset data = TokenDataset.FromText(new string('a', length), Codes, 0.1);

        data.Train.Length.ShouldBe(trainLength);
        data.Validation.Length.ShouldBe(length - trainLength);
    }

    [SharedDataFact("tiny-shakespeare/input.txt")]
    public void FromText_loses_nothing_of_tiny_shakespeare()
    {
        LoadedText loaded = TextFiles.Load(SharedData.Get("tiny-shakespeare/input.txt"));

        TokenDataset data = TokenDataset.FromText(loaded.Text, Codes, 0.1);

        loaded.Fingerprint.ShouldBe("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed");
        (Codes.Decode(data.Train.Span) + Codes.Decode(data.Validation.Span)).ShouldBe(loaded.Text);
    }

    /// <summary>The published numbers of nanoGPT's data/shakespeare.</summary>
    [SharedDataFact("gpt2-tokenizer/vocab.bpe")]
    public void FromText_has_as_many_of_GPT2s_tokens_of_tiny_shakespeare_as_nanoGPT()
    {
        string text = File.ReadAllText(SharedData.Get("tiny-shakespeare/input.txt"));

        TokenDataset data = TokenDataset.FromText(text, TokenizerFile.Load(SharedData.Get("gpt2-tokenizer/encoder.json")), 0.1, endOfText: true);

        (data.Train.Length, data.Validation.Length).ShouldBe((301_966, 36_059));
    }

    [SharedDataFact("gpt2-tokenizer/vocab.bpe")]
    public void FromText_has_one_token_for_each_end_of_a_story()
    {
        string text = File.ReadAllText(SharedData.Get("tinystories/tinystories_first_2MiB.txt"));
        ITokenizer tokenizer = TokenizerFile.Load(SharedData.Get("gpt2-tokenizer/encoder.json"));

        TokenDataset data = TokenDataset.FromText(text, tokenizer, 0.1, endOfText: true);

        (Count(data.Train) + Count(data.Validation)).ShouldBe(2316);
        TokenBytes.Count(tokenizer, data.Train.Span).ShouldBe(Encoding.UTF8.GetByteCount(tokenizer.Decode(data.Train.Span)));

        static int Count(ReadOnlyMemory<int> ids) => ids.Span.Count(50_256);
    }

    [Fact]
    public void FromText_does_not_split_a_surrogate_pair() =>
        TokenDataset.FromText("a𝄞b", Codes, 0.5).Train.Length.ShouldBe(1);

    [Fact]
    public void FromText_splits_records_at_a_record_and_marks_their_starts()
    {
        TokenDataset data = TokenDataset.FromText("aaa\n\nbb\n\ncccc\n\nd\n\n", Codes, 0.5, hasRecords: true);

        Codes.Decode(data.Train.Span).ShouldBe("aaa\n\nbb\n\n");
        data.TrainRecordStarts.ShouldBe([0, 5]);
        Codes.Decode(data.Validation.Span).ShouldBe("cccc\n\nd\n\n");
        data.ValidationRecordStarts.ShouldBe([0, 6]);
    }

    [Theory]
    [InlineData("only one record", 0.2, 12)]
    [InlineData("a\n\na long last record", 0.2, 3)]
    [InlineData("a\n\nb\n\n", 0.0, 6)]
    public void FromText_splits_records_as_near_as_it_can(string text, double fraction, int trainLength) =>
        TokenDataset.FromText(text, Codes, fraction, hasRecords: true).Train.Length.ShouldBe(trainLength);

    [Fact]
    public void Record_starts_must_begin_with_0_ascend_and_lie_inside()
    {
        Should.Throw<ArgumentException>(() => new TokenDataset([1, 2, 3], [], [1]));
        Should.Throw<ArgumentException>(() => new TokenDataset([1, 2, 3], [], [0, 2, 2]));
        Should.Throw<ArgumentException>(() => new TokenDataset([1, 2, 3], [], [0, 3]));
        Should.Throw<ArgumentException>(() => new TokenDataset([1, 2, 3], [], []));
        Should.NotThrow(() => new TokenDataset([1, 2, 3], [], [0, 2], []));
    }

    [Fact]
    public void FillBatch_is_a_function_of_seed_and_step()
    {
        TokenDataset data = new([.. Enumerable.Range(0, 1000)], []);

        int[] batch = Draw(data, 1, 5, 8, 16).Inputs;

        Draw(data, 1, 5, 8, 16).Inputs.ShouldBe(batch);
        Draw(data, 1, 6, 8, 16).Inputs.ShouldNotBe(batch);
        Draw(data, 2, 5, 8, 16).Inputs.ShouldNotBe(batch);
    }

    [Fact]
    public void FillBatch_draws_the_same_batch_for_ever()
    {
        // Pins the draw: with another, runs that were stopped before would go on differently.
        TokenDataset data = new([.. Enumerable.Range(0, 1000)], []);

        Draw(data, 1337, 0, 4, 2).Inputs.ShouldBe([803, 804, 146, 147, 796, 797, 862, 863]);
    }

    [Fact]
    public void FillBatch_targets_are_the_tokens_that_follow_and_every_start_is_drawn()
    {
        const int Length = 12, Context = 5;
        TokenDataset data = new([.. Enumerable.Range(0, Length)], []);
        HashSet<int> starts = [];
        for (int step = 0; step < 50; step++)
        {
            (int[] inputs, int[] targets) = Draw(data, 3, step, 4, Context);
            for (int i = 0; i < inputs.Length; i++)
            {
                inputs[i].ShouldBe(inputs[i / Context * Context] + i % Context);
                targets[i].ShouldBe(inputs[i] + 1);
            }

            starts.UnionWith(inputs.Where((_, i) => i % Context == 0));
        }

        starts.Order().ShouldBe(Enumerable.Range(0, Length - Context));
    }

    [Fact]
    public void FillBatch_starts_at_the_token_before_a_record()
    {
        TokenDataset data = new([.. Enumerable.Range(0, 20)], [], [0, 4, 9, 15, 16]);
        HashSet<int> starts = [];
        for (int step = 0; step < 50; step++)
        {
            starts.UnionWith(Draw(data, 3, step, 4, 5).Inputs.Where((_, i) => i % 5 == 0));
        }

        // 16 - 1 + 5 targets would end at 20, just past the last token.
        starts.Order().ShouldBe([0, 3, 8, 14]);
    }

    [Fact]
    public void A_text_of_just_one_window_has_one_batch()
    {
        TokenDataset data = new([7, 8, 9], []);

        (int[] inputs, int[] targets) = Draw(data, 0, 0, 2, 2);

        inputs.ShouldBe([7, 8, 7, 8]);
        targets.ShouldBe([8, 9, 8, 9]);
    }

    [Fact]
    public void A_text_shorter_than_a_window_is_refused_with_both_numbers()
    {
        TokenDataset data = new([7, 8, 9], []);

        string expected = "The training text has 3 tokens, but context_length 3 needs at least 4; use a longer text or a shorter context.";
        Should.Throw<InvalidDataException>(() => data.CheckContextLength(3)).Message.ShouldBe(expected);
        Should.Throw<InvalidDataException>(() => Draw(data, 0, 0, 1, 3)).Message.ShouldBe(expected);
        Should.NotThrow(() => data.CheckContextLength(2));
    }

    [Fact]
    public void FillBatch_refuses_spans_of_another_size() =>
        Should.Throw<ArgumentException>(() => new TokenDataset([1, 2, 3], []).FillBatch(0, 0, 2, 2, new int[4], new int[3]));

    [Fact]
    public void FillBatch_allocates_little_more_than_its_random_source()
    {
        TokenDataset data = new([.. Enumerable.Range(0, 1000)], [], [0, 100, 200]);
        int[] inputs = new int[256], targets = new int[256];
        data.FillBatch(0, 0, 8, 32, inputs, targets);
        long allocated = Allocation.Least(() =>
        {
            for (int step = 0; step < 100; step++)
            {
                data.FillBatch(0, step, 8, 32, inputs, targets);
            }
        });

        allocated.ShouldBeLessThanOrEqualTo(100 * 64);
    }

    [Fact]
    public void Fingerprint_tells_data_apart()
    {
        string[] fingerprints =
        [
            new TokenDataset([1, 2, 3], [4]).Fingerprint,
            new TokenDataset([1, 2], [3, 4]).Fingerprint,
            new TokenDataset([1, 2, 3], [5]).Fingerprint,
            new TokenDataset([1, 2, 3], [4], [0, 1]).Fingerprint,
            new TokenDataset([1, 2, 3], [4], [0, 2]).Fingerprint,
        ];

        fingerprints.Distinct().Count().ShouldBe(fingerprints.Length);
        fingerprints[0].ShouldBe(new TokenDataset([1, 2, 3], [4]).Fingerprint);
    }

    private static (int[] Inputs, int[] Targets) Draw(TokenDataset data, ulong seed, long step, int batchSize, int contextLength)
    {
        int[] inputs = new int[batchSize * contextLength], targets = new int[batchSize * contextLength];
        data.FillBatch(seed, step, batchSize, contextLength, inputs, targets);
        return (inputs, targets);
    }
}
