using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Tests;

public sealed unsafe class ParameterStoreTests
{
    [Fact]
    public void Parameters_lie_on_cache_lines_in_the_order_they_were_added()
    {
        using ParameterStore store = new();
        Tensor a = store.Add("a", new Shape(3, 5)), b = store.Add("b", new Shape(16)), c = store.Add("c", new Shape(1));
        store.Allocate();
        store.AllocateGradients();

        (store.ElementCount, store.BufferLength).ShouldBe((32, 48));
        store.Parameters.Select(parameter => (parameter.Name, parameter.Offset, parameter.IsMatrix)).ShouldBe([("a", 0, true), ("b", 16, false), ("c", 32, false)]);
        foreach ((Tensor tensor, int offset) in new[] { (a, 0), (b, 16), (c, 32) })
        {
            ((nint)tensor.Data).ShouldBe((nint)(store.Weights + offset));
            ((nint)tensor.GradientData).ShouldBe((nint)(store.Gradients + offset));
            ((nint)tensor.Data % (NativeBuffer.AlignmentFloats * sizeof(float))).ShouldBe(0);
            tensor.Values.ToArray().ShouldAllBe(value => value == 0);
            tensor.RequiresGradient.ShouldBeTrue();
            tensor.Gradient.Length.ShouldBe(0);
        }

        store["b"].Tensor.ShouldBeSameAs(b);
        Should.Throw<KeyNotFoundException>(() => store["d"]);
    }

    [Fact]
    public void Allocating_twice_keeps_the_values()
    {
        using ParameterStore store = new();
        Tensor a = store.Add("a", new Shape(3));
        store.Allocate();
        a.Values.Fill(2);
        store.Allocate();
        a.Values.ToArray().ShouldBe([2, 2, 2]);
    }

    [Fact]
    public void Names_are_unique_and_come_before_the_memory()
    {
        using ParameterStore store = new();
        store.Add("a", new Shape(3));
        Should.Throw<InvalidOperationException>(() => store.Add("a", new Shape(4))).Message.ShouldContain("'a'");
        Should.Throw<InvalidOperationException>(() => (nint)store.Weights).Message.ShouldContain("Allocate");
        store.Allocate();
        Should.Throw<InvalidOperationException>(() => store.Add("b", new Shape(4))).Message.ShouldContain("'b'");
        Should.Throw<InvalidOperationException>(() => (nint)store.Gradients).Message.ShouldContain("AllocateGradients");
    }

    [Fact]
    public void Frozen_parameters_have_no_gradients()
    {
        using ParameterStore store = new();
        Tensor a = store.Add("a", new Shape(3, 5)), b = store.Add("b", new Shape(16)), c = store.Add("c", new Shape(1));
        store.Allocate();
        store.TrainedLength.ShouldBe(48);
        store.Freeze(parameter => parameter.Name == "b");
        (store.TrainedLength, store.GradientBufferLength).ShouldBe((32, 0));
        store.AllocateGradients();

        store.Trained.Select(parameter => (parameter.Name, parameter.GradientOffset)).ShouldBe([("a", 0), ("c", 16)]);
        (store.TrainedLength, store.GradientBufferLength).ShouldBe((32, 32));
        ((nint)b.GradientData).ShouldBe(0);
        ((nint)c.GradientData).ShouldBe((nint)(store.Gradients + 16));
        (a.RequiresGradient, b.RequiresGradient).ShouldBe((true, false));
        store.KeepGradients();
        (c.Gradient.Length, b.Gradient.Length).ShouldBe((1, 0));
        Should.Throw<InvalidOperationException>(() => store.Freeze(_ => false)).Message.ShouldContain("before AllocateGradients");
    }
}
