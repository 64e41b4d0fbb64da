using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;
using Quatrain.Tests;

namespace Quatrain.Tensors.Tests;

/// <summary>A small transformer block's whole step: forward, backward and update.</summary>
public sealed class TrainingStepTests
{
    [Fact]
    public void The_number_of_threads_does_not_change_a_bit() =>
        ThreadCounts.ShouldNotMatter("three steps", pool =>
        {
            using SmallModel model = new(pool);
            List<float> numbers = [];
            for (ulong step = 0; step < 3; step++)
            {
                numbers.Add(model.Step(step));
            }

            return [.. numbers, .. model.Weights()];
        });

    [Fact]
    public void A_warm_step_allocates_nothing_on_the_managed_heap()
    {
        using WorkerPool pool = new(2);
        using SmallModel model = new(pool);
        // Enough for the arena to settle.
        for (ulong step = 0; step < 5; step++)
        {
            model.Step(step);
        }

        long allocated = Allocation.Least(() =>
        {
            for (ulong step = 0; step < 5; step++)
            {
                model.Step(step);
            }
        });

        allocated.ShouldBe(0);
    }

    [Fact]
    public void The_loss_falls()
    {
        using WorkerPool pool = new(1);
        using SmallModel model = new(pool);
        float first = model.Step(0), last = first;
        for (ulong step = 1; step < 40; step++)
        {
            last = model.Step(step);
        }

        last.ShouldBeLessThan(0.7f * first);
    }

    private sealed class SmallModel : IDisposable
    {
        private const int BatchSize = 3, Length = 17, Width = 36, Heads = 3, Vocabulary = 41;

        private readonly ParameterStore _store = new();
        private readonly Tape _tape;
        private readonly WorkerPool _pool;
        private readonly AdamW _optimizer;
        private readonly Tensor _tokens, _positions, _normWeight, _normBias, _attention, _attentionBias, _projection, _up, _down;
        private readonly int[] _ids = Values.Ids(BatchSize * Length, Vocabulary, 1);
        private readonly int[] _targets = Values.Ids(BatchSize * Length, Vocabulary, 2);

        public SmallModel(WorkerPool pool)
        {
            _pool = pool;
            _tape = new Tape(pool, recording: true);
            _tokens = _store.Add("tokens", new Shape(Vocabulary, Width));
            _positions = _store.Add("positions", new Shape(Length, Width));
            _normWeight = _store.Add("norm.weight", new Shape(Width));
            _normBias = _store.Add("norm.bias", new Shape(Width));
            _attention = _store.Add("attention", new Shape(Width, 3 * Width));
            _attentionBias = _store.Add("attention.bias", new Shape(3 * Width));
            _projection = _store.Add("projection", new Shape(Width, Width));
            _up = _store.Add("up", new Shape(Width, 4 * Width));
            _down = _store.Add("down", new Shape(4 * Width, Width));
            _store.Allocate();
            _optimizer = new AdamW(_store, new AdamWOptions());
            ulong seed = 0;
            foreach (Parameter parameter in _store.Parameters)
            {
                Values.Normal(parameter.Tensor.Shape.ElementCount, ++seed, deviation: 0.2).CopyTo(parameter.Tensor.Values);
            }

            _normWeight.Values.Fill(1);
        }

        public float Step(ulong seed)
        {
            _store.ForgetGradients();
            _tape.Begin(seed);
            Tensor x = EmbeddingOp.Forward(_tape, _ids, BatchSize, _tokens, _positions);
            Tensor normal = LayerNormOp.Forward(_tape, x, _normWeight, _normBias, 1e-5f);
            Tensor qkv = LinearOp.Forward(_tape, normal, _attention, _attentionBias);
            Tensor y = CausalAttentionOp.Forward(_tape, qkv, Heads, dropoutRate: 0.1f);
            y = DropoutOp.Forward(_tape, LinearOp.Forward(_tape, y, _projection), 0.1f);
            x = ResidualAddOp.Forward(_tape, x, y);
            y = ActivationOp.Forward(_tape, LinearOp.Forward(_tape, x, _up), Activation.GeluTanh);
            x = LinearOp.Forward(_tape, y, _down, residual: x);
            Tensor loss = CrossEntropyOp.Forward(_tape, LinearOp.ForwardTransposed(_tape, x, _tokens), _targets);
            float value = loss.Values[0];
            _tape.Backward(loss);
            _optimizer.Update(0.003, _optimizer.GradientNorm(_pool), _pool);
            return value;
        }

        public float[] Weights() => [.. _store.Parameters.SelectMany(parameter => parameter.Tensor.Values.ToArray())];

        public void Dispose()
        {
            _optimizer.Dispose();
            _tape.Dispose();
            _store.Dispose();
        }
    }
}
