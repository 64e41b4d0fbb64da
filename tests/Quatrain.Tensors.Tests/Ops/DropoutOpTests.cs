using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests.Ops;

public sealed class DropoutOpTests
{
    private const int Count = 5000;

    [Fact]
    public void Backward_uses_the_mask_of_forward()
    {
        using WorkerPool pool = new(2);
        using Tape tape = new(pool, recording: true);
        tape.Begin(1);
        Tensor x = Ones(tape);
        Tensor y = DropoutOp.Forward(tape, x, 0.3f);
        float[] mask = y.Values.ToArray();
        float[] upstream = [.. Enumerable.Range(0, Count).Select(i => 1f + i)];

        tape.Backward(WeightedSumOp.Forward(tape, y, upstream));

        mask.ShouldContain(0);
        x.Gradient.ToArray().ShouldBe(mask.Zip(upstream, (m, g) => m * g));
    }

    [Fact]
    public void Masks_differ_by_operation_and_step_and_return_with_the_seed()
    {
        using WorkerPool pool = new(2);
        using Tape tape = new(pool, recording: true);
        (float[] first, float[] second) = Masks(1);
        (float[] third, _) = Masks(2);

        foreach ((float[] a, float[] b) in new[] { (first, second), (first, third), (second, third) })
        {
            int same = a.Zip(b).Count(pair => pair.First == pair.Second);
            ((double)same).ShouldBe(Count / 2.0, 4 * Math.Sqrt(Count) / 2);
        }

        (float[] firstAgain, float[] secondAgain) = Masks(1);
        firstAgain.ShouldBe(first);
        secondAgain.ShouldBe(second);

        (float[], float[]) Masks(ulong seed)
        {
            tape.Begin(seed);
            Tensor x = Ones(tape);
            return (DropoutOp.Forward(tape, x, 0.5f).Values.ToArray(), DropoutOp.Forward(tape, x, 0.5f).Values.ToArray());
        }
    }

    [Fact]
    public void Nothing_is_dropped_at_rate_zero_or_on_a_tape_that_does_not_record()
    {
        using WorkerPool pool = new(1);
        using Tape recording = new(pool, recording: true), reading = new(pool, recording: false);
        Tensor x = Ones(recording), z = Ones(reading);

        DropoutOp.Forward(recording, x, 0).ShouldBeSameAs(x);
        DropoutOp.Forward(reading, z, 0.5f).ShouldBeSameAs(z);
        recording.RecordedOperations.ShouldBe(0);
    }

    private static Tensor Ones(Tape tape)
    {
        Tensor x = tape.NewTensor(new Shape(Count), requiresGradient: true);
        x.Values.Fill(1);
        return x;
    }
}
