namespace Quatrain.Tensors.Tests;

public sealed class ShapeTests
{
    [Fact]
    public void A_shape_knows_its_sizes()
    {
        Shape shape = new(2, 3, 4);
        (shape.Rank, shape.ElementCount, shape.Last, shape.Rows).ShouldBe((3, 24, 4, 6));
        (shape[0], shape[1], shape[2]).ShouldBe((2, 3, 4));
        shape.ToString().ShouldBe("[2, 3, 4]");
        shape.WithLast(7).ShouldBe(new Shape(2, 3, 7));
        new Shape(5).WithLast(6).ShouldBe(new Shape(6));
        new Shape(5, 4).WithLast(6).ShouldBe(new Shape(5, 6));
        new Shape(5, 4, 3, 2).WithLast(6).ShouldBe(new Shape(5, 4, 3, 6));
    }

    [Fact]
    public void Shapes_are_equal_when_rank_and_sizes_are()
    {
        new Shape(2, 3).ShouldBe(new Shape(2, 3));
        new Shape(2, 3).ShouldNotBe(new Shape(3, 2));
        new Shape(2, 1).ShouldNotBe(new Shape(2));
    }

    [Fact]
    public void An_empty_shape_has_no_elements_and_no_rows()
    {
        new Shape(3, 0).Rows.ShouldBe(0);
        new Shape(0, 3).ElementCount.ShouldBe(0);
    }

    [Fact]
    public void Impossible_shapes_are_refused()
    {
        Should.Throw<ArgumentException>(() => new Shape(ReadOnlySpan<int>.Empty)).Message.ShouldContain("one to four sizes, not 0");
        Should.Throw<ArgumentException>(() => new Shape(1, 2, 3, 4, 5)).Message.ShouldContain("not 5");
        Should.Throw<ArgumentOutOfRangeException>(() => new Shape(2, -1));
        Should.Throw<ArgumentException>(() => new Shape(65536, 65536)).Message.ShouldContain("[65536, 65536] exceeds 2,147,483,647 elements");
        new Shape(int.MaxValue).ElementCount.ShouldBe(int.MaxValue);
        Should.Throw<ArgumentOutOfRangeException>(() => new Shape(2, 3)[2]);
        Should.Throw<ArgumentOutOfRangeException>(() => new Shape(2, 3)[-1]);
    }
}
