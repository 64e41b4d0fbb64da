using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Tests.Memory;

public sealed class SystemMemoryTests : IDisposable
{
    private const string Info = "MemTotal:       24684092 kB\nMemFree:        23879100 kB\nMemAvailable:       3000 kB\nBuffers: 1 kB\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("quatrain-memory-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_kernel_says_what_is_available() => Available(Info).ShouldBe(3000 * 1024);

    [Theory]
    [InlineData("memory.max", "1048576", 1 << 20)]
    [InlineData("memory.max", "4294967296", 3000 * 1024)]
    [InlineData("memory.max", "max", 3000 * 1024)]
    [InlineData("memory/memory.limit_in_bytes", "2048", 2048)]
    [InlineData("memory/memory.limit_in_bytes", "9223372036854771712", 3000 * 1024)]
    public void A_container_may_set_a_limit_below_that(string file, string text, long expected)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "memory"));
        File.WriteAllText(Path.Combine(_folder, file), text + "\n");

        Available(Info).ShouldBe(expected);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MemTotal: 24684092 kB\n")]
    [InlineData("MemAvailable: many kB\n")]
    public void What_is_not_told_is_not_known(string info) => Available(info).ShouldBeNull();

    [Fact]
    public void Files_that_are_not_there_tell_nothing() =>
        SystemMemory.AvailableOnLinux(Path.Combine(_folder, "none"), Path.Combine(_folder, "none")).ShouldBeNull();

    [Fact]
    public void This_machine_has_some() => SystemMemory.AvailableBytes.ShouldBeGreaterThan(1 << 20);

    private long? Available(string info)
    {
        string path = Path.Combine(_folder, "meminfo");
        File.WriteAllText(path, info);
        return SystemMemory.AvailableOnLinux(path, _folder);
    }
}
