using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>The model in parts: some rows of the last block, or some blocks at a time, have the bits of the whole.</summary>
public sealed class SelectedRowsTests : IDisposable
{
    private const int BatchSize = 3, Length = 11;

    private static readonly int[] Rows = [4, 10, 11, 32];

    private readonly WorkerPool _pool = new(2);
    private readonly Gpt2Model _model = new(new Gpt2Config { LayerCount = 3, HeadCount = 2, EmbeddingSize = 24, ContextLength = 16, VocabularySize = 40 });
    private readonly Tape _tape;

    public SelectedRowsTests()
    {
        Gpt2Initialization.Initialize(_model, InitializationScheme.Gpt2, seed: 5);
        _tape = new Tape(_pool, recording: false);
    }

    private static int[] Ids => [.. Enumerable.Range(0, BatchSize * Length).Select(i => i * 7 % 40)];

    public void Dispose()
    {
        _tape.Dispose();
        _model.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void Selected_rows_have_the_bits_they_have_among_all()
    {
        _tape.Begin();
        float[] all = _model.Hidden(_tape, Ids, BatchSize).Values.ToArray();
        _tape.Begin();
        Tensor some = _model.Hidden(_tape, Ids, BatchSize, rows: Rows);

        some.Shape.ShouldBe(new Shape(Rows.Length, 1, 24));
        some.Values.ToArray().ShouldBe(Rows.SelectMany(row => all[(row * 24)..((row + 1) * 24)]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Blocks_run_in_two_parts_have_the_bits_of_one(int split)
    {
        _tape.Begin();
        float[] whole = _model.Hidden(_tape, Ids, BatchSize).Values.ToArray();
        _tape.Begin();
        Tensor below = _model.RunBlocks(_tape, _model.Embed(_tape, Ids, BatchSize), 0, end: split);

        _model.Normalize(_tape, _model.RunBlocks(_tape, below, split)).Values.ToArray().ShouldBe(whole);
    }

    [Fact]
    public void Gradients_reach_no_further_than_what_is_frozen()
    {
        _model.Parameters.Freeze(parameter => !parameter.Name.StartsWith("h.2.", StringComparison.Ordinal) && !parameter.Name.StartsWith("ln_f", StringComparison.Ordinal));
        _model.Parameters.AllocateGradients();
        using Tape recording = new(_pool, recording: true);
        Tensor hidden = _model.Hidden(recording, Ids, BatchSize, rows: Rows);
        recording.Backward(Quatrain.Tensors.Ops.WeightedSumOp.Forward(recording, hidden, [.. Enumerable.Range(0, Rows.Length * 24).Select(i => i % 5 - 2f)]));

        string[] reached = [.. _model.Parameters.Parameters.Where(p => p.Tensor.Gradient.Length > 0).Select(p => p.Name)];
        reached.ShouldBe(_model.Parameters.Trained.Select(p => p.Name));
        reached.ShouldContain("h.2.attn.c_attn.weight");
        reached.ShouldAllBe(name => name.StartsWith("h.2.", StringComparison.Ordinal) || name.StartsWith("ln_f", StringComparison.Ordinal));
    }
}
