using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public class CacheFolderTests
{
    [Fact]
    public void The_cache_folder_is_where_the_environment_says()
    {
        Dictionary<string, string> variables = new() { ["QUATRAIN_CACHE"] = "/elsewhere", ["XDG_CACHE_HOME"] = "/cache", ["HOME"] = "/home/me" };

        CacheFolder.Find(variables.GetValueOrDefault).ShouldBe(Path.GetFullPath("/elsewhere"));
        if (OperatingSystem.IsLinux())
        {
            variables.Remove("QUATRAIN_CACHE");
            CacheFolder.Find(variables.GetValueOrDefault).ShouldBe("/cache/quatrain");
            variables.Remove("XDG_CACHE_HOME");
            CacheFolder.Find(variables.GetValueOrDefault).ShouldBe("/home/me/.cache/quatrain");
            variables.Remove("HOME");
            Should.Throw<IOException>(() => CacheFolder.Find(variables.GetValueOrDefault)).Message.ShouldContain("set QUATRAIN_CACHE");
        }
    }
}
