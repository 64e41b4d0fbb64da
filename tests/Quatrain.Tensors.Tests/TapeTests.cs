using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests;

public sealed unsafe class TapeTests : IDisposable
{
    private readonly WorkerPool _pool = new(1);
    private readonly ParameterStore _store = new();
    private readonly Tensor _x, _weight;

    public TapeTests()
    {
        _x = _store.Add("x", new Shape(2, 3));
        _weight = _store.Add("weight", new Shape(3, 4));
        _store.Allocate();
        _x.Values.Fill(1);
        _weight.Values.Fill(2);
    }

    public void Dispose()
    {
        _store.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void Only_what_wants_a_gradient_is_recorded()
    {
        using Tape recording = new(_pool, recording: true), reading = new(_pool, recording: false);
        LinearOp.Forward(reading, _x, _weight).RequiresGradient.ShouldBeFalse();
        reading.RecordedOperations.ShouldBe(0);

        Tensor y = LinearOp.Forward(recording, _x, _weight);
        (y.RequiresGradient, recording.RecordedOperations).ShouldBe((true, 1));

        (_x.RequiresGradient, _weight.RequiresGradient) = (false, false);
        LinearOp.Forward(recording, _x, _weight).RequiresGradient.ShouldBeFalse();
        recording.RecordedOperations.ShouldBe(1);
    }

    [Fact]
    public void A_frozen_parameter_gets_no_gradient()
    {
        _store.AllocateGradients();
        _weight.RequiresGradient = false;
        using Tape tape = new(_pool, recording: true);

        tape.Backward(Loss(tape));

        _x.Gradient.ToArray().ShouldBe([8, 8, 8, 8, 8, 8]);
        _weight.Gradient.Length.ShouldBe(0);
    }

    [Fact]
    public void Gradients_add_up_over_batches_until_they_are_forgotten()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        for (int batch = 1; batch <= 3; batch++)
        {
            tape.Begin();
            tape.Backward(Loss(tape), scale: 0.5f);
            _weight.Gradient.ToArray().ShouldAllBe(g => g == batch);
        }

        _store.ForgetGradients();
        tape.Begin();
        tape.Backward(Loss(tape));
        _weight.Gradient.ToArray().ShouldAllBe(g => g == 2);
    }

    [Fact]
    public void A_step_of_another_structure_goes_back_through_its_own_nodes()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        float[] ones = [.. Enumerable.Repeat(1f, 8)];
        tape.Begin();
        tape.Backward(WeightedSumOp.Forward(tape, ActivatedLinearOp.Forward(tape, _x, _weight, bias: null, Activation.GeluTanh), ones));
        _store.ForgetGradients();

        // A plain layer where the step before had one with an activation, whose node is a kind of a plain layer's.
        _x.Values.Fill(-1);
        tape.Begin();
        tape.Backward(Loss(tape));

        _x.Gradient.ToArray().ShouldAllBe(g => g == 8);
        _weight.Gradient.ToArray().ShouldAllBe(g => g == -2);
    }

    [Fact]
    public void A_step_uses_the_tensors_nodes_and_memory_of_the_one_before()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        Tensor first = Loss(tape);
        Node[] nodes = tape.Nodes.ToArray();
        nint data = (nint)first.Data;
        long bytes = tape.BytesUsed;

        tape.Begin();
        tape.BytesUsed.ShouldBe(0);
        Tensor second = Loss(tape);

        second.ShouldBeSameAs(first);
        ((nint)second.Data, tape.BytesUsed).ShouldBe((data, bytes));
        tape.Nodes.ToArray().ShouldBe(nodes);
    }

    [Fact]
    public void Nodes_of_another_kind_are_replaced()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        Loss(tape);
        tape.Begin();
        Tensor y = ResidualAddOp.Forward(tape, _x, _x);
        tape.Backward(WeightedSumOp.Forward(tape, y, [1, 2, 3, 4, 5, 6]));
        _x.Gradient.ToArray().ShouldBe([2, 4, 6, 8, 10, 12]);
    }

    [Fact]
    public void Backward_starts_only_from_a_scalar_that_depends_on_a_parameter()
    {
        _store.AllocateGradients();
        using Tape recording = new(_pool, recording: true), reading = new(_pool, recording: false);
        Tensor y = LinearOp.Forward(recording, _x, _weight);
        Should.Throw<InvalidOperationException>(() => recording.Backward(y)).Message.ShouldContain("scalar");
        Should.Throw<InvalidOperationException>(() => reading.Backward(Loss(reading))).Message.ShouldContain("recording tape");
        (_x.RequiresGradient, _weight.RequiresGradient) = (false, false);
        Should.Throw<InvalidOperationException>(() => recording.Backward(Loss(recording))).Message.ShouldContain("want a gradient");
    }

    [Fact]
    public void Backward_runs_once_a_step()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        Tensor loss = Loss(tape);
        tape.Backward(loss);
        Should.Throw<InvalidOperationException>(() => tape.Backward(loss)).Message.ShouldContain("already");
    }

    [Fact]
    public void A_parameter_without_room_for_its_gradient_is_refused()
    {
        using Tape tape = new(_pool, recording: true);
        Tensor loss = Loss(tape);
        Should.Throw<InvalidOperationException>(() => tape.Backward(loss)).Message.ShouldContain("AllocateGradients");
        tape.Begin();
        loss = WeightedSumOp.Forward(tape, ResidualAddOp.Forward(tape, _x, _x), [1, 2, 3, 4, 5, 6]);
        Should.Throw<InvalidOperationException>(() => tape.Backward(loss)).Message.ShouldContain("AllocateGradients");
        ((nint)_x.GradientData).ShouldBe(0);
    }

    [Fact]
    public void Going_back_takes_the_memory_of_tensors_but_the_loss()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        Tensor y = LinearOp.Forward(tape, _x, _weight);
        Tensor loss = WeightedSumOp.Forward(tape, y, [1, 1, 1, 1, 1, 1, 1, 1]);

        tape.Backward(loss);

        loss.Values.ToArray().ShouldBe([48]);
        y.Gradient.Length.ShouldBe(0);
        Should.Throw<InvalidOperationException>(() => y.Values.Length).Message.ShouldContain("read it before");
        Should.Throw<InvalidOperationException>(() => LinearOp.Forward(tape, _x, _weight)).Message.ShouldContain("Begin the next step");
        tape.Begin();
        Loss(tape).Values.ToArray().ShouldBe([48]);
    }

    [Fact]
    public void What_a_model_has_no_more_use_for_is_freed_unless_the_way_back_needs_it()
    {
        using Tape reading = new(_pool, recording: false), recording = new(_pool, recording: true);
        Tensor before = ResidualAddOp.Forward(reading, _x, _x);
        int mark = reading.TensorCount;
        Tensor freed = LinearOp.Forward(reading, before, _weight), kept = ResidualAddOp.Forward(reading, freed, freed);
        long bytes = reading.BytesUsed;

        reading.FreeSince(mark, kept);

        before.Values.ToArray().ShouldAllBe(value => value == 2);
        kept.Values.ToArray().ShouldAllBe(value => value == 24);
        Should.Throw<InvalidOperationException>(() => freed.Values.Length).Message.ShouldContain("read it before");
        LinearOp.Forward(reading, _x, _weight).Values.ToArray().ShouldAllBe(value => value == 6);
        reading.BytesUsed.ShouldBe(bytes);

        Tensor needed = LinearOp.Forward(recording, _x, _weight);
        recording.FreeSince(0, ResidualAddOp.Forward(recording, needed, needed));
        needed.Values.ToArray().ShouldAllBe(value => value == 6);
    }

    [Fact]
    public void A_branch_that_the_loss_does_not_depend_on_keeps_its_memory()
    {
        _store.AllocateGradients();
        using Tape tape = new(_pool, recording: true);
        Tensor aside = LinearOp.Forward(tape, _x, _weight);

        tape.Backward(Loss(tape));

        aside.Values.ToArray().ShouldAllBe(value => value == 6);
    }

    [Fact]
    public void A_parameter_without_memory_says_so()
    {
        using ParameterStore store = new();
        Tensor parameter = store.Add("p", new Shape(3));
        Should.Throw<InvalidOperationException>(() => parameter.Values.Length).Message.ShouldContain("Allocate");
    }

    [Fact]
    public void Memory_is_reserved_between_steps_only()
    {
        using Tape tape = new(_pool, recording: true);
        tape.Reserve(1 << 20);
        Loss(tape);
        Should.Throw<InvalidOperationException>(() => tape.Reserve(2 << 20));
        tape.Begin();
        tape.Reserve(2 << 20);
        Loss(tape).Values.ToArray().ShouldBe([48]);
    }

    private Tensor Loss(Tape tape) => WeightedSumOp.Forward(tape, LinearOp.Forward(tape, _x, _weight), [1, 1, 1, 1, 1, 1, 1, 1]);
}
