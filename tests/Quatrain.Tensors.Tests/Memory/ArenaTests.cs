using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Tests.Memory;

public sealed unsafe class ArenaTests
{
    [Fact]
    public void What_is_handed_out_is_aligned_and_does_not_overlap()
    {
        using Arena arena = new();
        List<(nint Start, int Count)> given = [];
        for (int i = 0; i < 500; i++)
        {
            int count = i * i % 1777;
            float* memory = arena.Allocate(count);
            ((nint)memory % 64).ShouldBe(0);
            new Span<float>(memory, count).Fill(i);
            given.Add(((nint)memory, count));
        }

        for (int i = 0; i < given.Count; i++)
        {
            new Span<float>((float*)given[i].Start, given[i].Count).IndexOfAnyExcept((float)i).ShouldBe(-1);
        }
    }

    [Fact]
    public void After_a_reset_the_same_requests_get_the_same_memory_and_no_more()
    {
        using Arena arena = new();
        _ = Step(arena);
        arena.Reset();
        nint[] second = Step(arena);
        long capacity = arena.Capacity, used = arena.Used;
        for (int step = 0; step < 5; step++)
        {
            arena.Reset();
            arena.Used.ShouldBe(0);
            Step(arena).ShouldBe(second);
            (arena.Capacity, arena.Used).ShouldBe((capacity, used));
        }
    }

    [Fact]
    public void A_reset_frees_nothing_that_is_needed_again_and_a_larger_step_grows()
    {
        using Arena arena = new();
        arena.Allocate(10);
        arena.Reset();
        long capacity = arena.Capacity;
        capacity.ShouldBeGreaterThan(0);

        arena.Allocate(1_000_000);

        arena.Capacity.ShouldBeGreaterThan(capacity + 1_000_000 - 1);
    }

    [Fact]
    public void What_was_given_back_goes_to_the_next_request_of_its_size_the_last_first()
    {
        using Arena arena = new();
        float* a = arena.Allocate(1000), b = arena.Allocate(1000), c = arena.Allocate(500);
        long used = arena.Used;
        arena.Free(a, 1000);
        arena.Free(c, 500);
        arena.Free(b, 1000);

        ((nint)arena.Allocate(1000)).ShouldBe((nint)b);
        ((nint)arena.Allocate(1000)).ShouldBe((nint)a);
        ((nint)arena.Allocate(500)).ShouldBe((nint)c);
        arena.Used.ShouldBe(used);
        arena.Allocate(1000);
        arena.Used.ShouldBe(used + Arena.SizeOf(1000));
    }

    [Fact]
    public void A_reset_forgets_what_was_given_back()
    {
        using Arena arena = new();
        float* a = arena.Allocate(1000);
        arena.Allocate(1000);
        arena.Free(a, 1000);
        arena.Reset();

        float* first = arena.Allocate(1000), second = arena.Allocate(1000);

        ((nint)first).ShouldBe((nint)a);
        ((nint)second).ShouldBe((nint)a + (nint)(Arena.SizeOf(1000) * sizeof(float)));
    }

    [Fact]
    public void What_is_reserved_is_held_and_no_more()
    {
        using Arena arena = new();
        arena.Reserve(5_000_000);
        for (int i = 0; i < 5; i++)
        {
            arena.Allocate(1_000_000 - NativeBuffer.AlignmentFloats);
        }

        (arena.Capacity, arena.Used).ShouldBe((5_000_000, 5_000_000));
        Should.Throw<InvalidOperationException>(() => arena.Reserve(6_000_000));
        arena.Reset();
        arena.Reserve(1_000);
        arena.Capacity.ShouldBe(5_000_000);
    }

    [Fact]
    public void Poisoned_memory_is_no_number_and_not_handed_out_again()
    {
        using Arena arena = new() { PoisonsWhatIsFreed = true };
        float* a = arena.Allocate(100);
        new Span<float>(a, 100).Fill(1);
        arena.Free(a, 100);

        ((nint)arena.Allocate(100)).ShouldNotBe((nint)a);
        new Span<float>(a, 100).ToArray().ShouldAllBe(value => float.IsNaN(value));
    }

    private static nint[] Step(Arena arena) => [.. Enumerable.Range(0, 40).Select(i => (nint)arena.Allocate(10_000 + i))];
}
