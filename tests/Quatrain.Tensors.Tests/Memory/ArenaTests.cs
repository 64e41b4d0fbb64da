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

    private static nint[] Step(Arena arena) => [.. Enumerable.Range(0, 40).Select(i => (nint)arena.Allocate(10_000 + i))];
}
