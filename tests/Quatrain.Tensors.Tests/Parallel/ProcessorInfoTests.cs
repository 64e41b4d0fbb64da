using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests.Parallel;

public sealed class ProcessorInfoTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("quatrain-processors-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Threads_of_one_core_count_once()
    {
        Add("cpu0", "0,4");
        Add("cpu1", "1,5");
        Add("cpu4", "0,4");
        Add("cpu5", "1,5");
        Add("cpu10", "10");

        ProcessorInfo.CountLinux(_folder).ShouldBe(3);
    }

    [Fact]
    public void Folders_that_are_no_processors_and_processors_that_are_off_do_not_count()
    {
        Add("cpu0", "0");
        Add("cpufreq", "0-3");
        Add("cpuidle", "1");
        Directory.CreateDirectory(Path.Combine(_folder, "cpu1"));

        ProcessorInfo.CountLinux(_folder).ShouldBe(1);
    }

    [Fact]
    public void A_folder_that_tells_nothing_means_the_logical_processors() => ProcessorInfo.CountLinux(_folder).ShouldBe(Environment.ProcessorCount);

    [Fact]
    public void This_machine_has_cores() => ProcessorInfo.PhysicalCores.ShouldBeInRange(1, Environment.ProcessorCount);

    private void Add(string cpu, string siblings)
    {
        string topology = Path.Combine(_folder, cpu, "topology");
        Directory.CreateDirectory(topology);
        File.WriteAllText(Path.Combine(topology, "thread_siblings_list"), siblings + "\n");
    }
}
