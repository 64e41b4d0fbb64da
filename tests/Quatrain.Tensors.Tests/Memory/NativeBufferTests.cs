using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Tests.Memory;

public sealed unsafe class NativeBufferTests
{
    [Theory]
    [InlineData(1, 64)]
    [InlineData(17, 64)]
    [InlineData(1000, 64)]
    [InlineData(1 << 19, 2 << 20)]
    [InlineData((1 << 20) + 5, 2 << 20)]
    public void Memory_is_zero_and_aligned_to_lines_or_to_huge_pages(int length, int alignment)
    {
        using NativeBuffer buffer = new(length);
        buffer.Length.ShouldBe(length);
        ((nint)buffer.Data % alignment).ShouldBe(0);
        new Span<float>(buffer.Data, length).IndexOfAnyExcept(0f).ShouldBe(-1);
    }

    [Fact]
    public void Memory_that_is_not_cleared_is_aligned_and_writable_to_its_end()
    {
        using NativeBuffer buffer = new((1 << 20) + 5, clear: false);
        ((nint)buffer.Data % (2 << 20)).ShouldBe(0);
        new Span<float>(buffer.Data, (1 << 20) + 5).Fill(1);
    }

    [Fact]
    public void An_empty_buffer_has_no_memory_and_disposing_twice_is_harmless()
    {
        NativeBuffer empty = new(0), full = new(5);
        ((nint)empty.Data).ShouldBe(0);
        empty.Dispose();
        full.Dispose();
        full.Dispose();
        (full.Length, (nint)full.Data).ShouldBe((0, 0));
    }

    [Fact]
    public void More_than_there_is_is_refused_with_the_size()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => new NativeBuffer(-1));
        // 2^59 bytes: more than any system's address space.
        Should.Throw<InsufficientMemoryException>(() => new NativeBuffer(1L << 57)).Message.ShouldContain("549,755,813,888 MB");
    }
}
