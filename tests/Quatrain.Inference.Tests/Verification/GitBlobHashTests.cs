using Quatrain.Inference.Verification;

namespace Quatrain.Inference.Tests.Verification;

public sealed class GitBlobHashTests
{
    // printf '\0\0\x80\x3f\0\0\0\xc0' | git hash-object --stdin, and the hash of nothing, which every repository knows.
    [Fact]
    public void Hashes_are_Git_s()
    {
        GitBlobHash.Of([1, -2]).ShouldBe("2bb0419ac05c52784088cf0ceb6ad201d698402b");
        GitBlobHash.Of([]).ShouldBe("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }
}
