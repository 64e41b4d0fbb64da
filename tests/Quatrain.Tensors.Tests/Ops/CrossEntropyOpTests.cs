using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests.Ops;

public sealed class CrossEntropyOpTests
{
    [Fact]
    public void The_loss_of_equal_logits_is_the_log_of_their_number()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        Tensor logits = Logits(tape);
        CrossEntropyOp.Forward(tape, logits, [0, CrossEntropyOp.IgnoreIndex, 4]).Values[0].ShouldBe(MathF.Log(5), 1e-6);
    }

    [Fact]
    public void Nothing_scored_is_a_loss_and_a_gradient_of_zero()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        Tensor logits = Logits(tape);
        logits.Values.Fill(3);
        Tensor loss = CrossEntropyOp.Forward(tape, logits, [-1, -1, -1]);
        loss.Values[0].ShouldBe(0);

        tape.Backward(loss);

        logits.Gradient.ToArray().ShouldBe(new float[15]);
    }

    [Fact]
    public void A_parameter_keeps_its_elements_and_logits_of_an_op_give_their_place_to_the_gradient()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        using ParameterStore store = new();
        Tensor parameter = store.Add("logits", new Shape(3, 5));
        store.Allocate();
        store.AllocateGradients();
        tape.Backward(CrossEntropyOp.Forward(tape, parameter, [0, 1, 2]));
        parameter.Values.ToArray().ShouldBe(new float[15]);
        parameter.Gradient[1].ShouldBe(1 / 15f, 1e-7);

        tape.Begin();
        Tensor logits = Logits(tape);
        tape.Backward(CrossEntropyOp.Forward(tape, logits, [0, 1, 2]));
        logits.Values.ToArray().ShouldBe(logits.Gradient.ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Logits_with_another_use_are_refused_whichever_comes_first(bool lossFirst)
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        Tensor logits = Logits(tape);
        float[] weights = [.. Enumerable.Repeat(1f, 15)];
        Tensor first = lossFirst ? CrossEntropyOp.Forward(tape, logits, [0, 1, 2]) : WeightedSumOp.Forward(tape, logits, weights);
        Tensor second = lossFirst ? WeightedSumOp.Forward(tape, logits, weights) : CrossEntropyOp.Forward(tape, logits, [0, 1, 2]);
        Tensor loss = ResidualAddOp.Forward(tape, first, second);

        Should.Throw<InvalidOperationException>(() => tape.Backward(loss)).Message.ShouldContain("the loss must be the only one");
    }

    [Fact]
    public void Class_weights_make_a_weighted_mean()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        Tensor logits = Logits(tape);
        (logits.Values[0], logits.Values[6]) = (2, -1);
        double first = Math.Log(Math.Exp(2) + 4) - 2, second = Math.Log(Math.Exp(-1) + 4) + 1;

        float loss = CrossEntropyOp.Forward(tape, logits, [0, 1, CrossEntropyOp.IgnoreIndex], [3, 0.5f, 1, 1, 1]).Values[0];

        loss.ShouldBe((float)((3 * first + 0.5 * second) / 3.5), 1e-6);
        CrossEntropyOp.Forward(tape, logits, [0, 1, 2], [0, 0, 0, 1, 1]).Values[0].ShouldBe(0);
    }

    private static Tensor Logits(Tape tape)
    {
        Tensor logits = tape.NewTensor(new Shape(3, 5), requiresGradient: true);
        logits.Values.Clear();
        return logits;
    }
}
