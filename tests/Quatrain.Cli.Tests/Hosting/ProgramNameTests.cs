using Quatrain.Cli.Hosting;

namespace Quatrain.Cli.Tests.Hosting;

public sealed class ProgramNameTests
{
    [Theory]
    [InlineData("/opt/bin/quatrain", "/usr/bin:/opt/bin/", "/home/me", "quatrain")] // on the path
    [InlineData("/home/me/work/artifacts/quatrain", "/usr/bin", "/home/me/work", "./artifacts/quatrain")] // below the current folder
    [InlineData("/opt/bin/quatrain", "/usr/bin", "/home/me", "/opt/bin/quatrain")]
    [InlineData("/opt/bin/quatrain", null, "/home/me", "/opt/bin/quatrain")]
    [InlineData("/usr/bin/dotnet", "/usr/bin", "/home/me", "quatrain")] // started as a library
    [InlineData(null, "/usr/bin", "/home/me", "quatrain")]
    public void Find_gives_what_can_be_typed(string? process, string? path, string folder, string expected)
    {
        // Paths and separators of this platform only.
        if (Path.DirectorySeparatorChar == '/')
        {
            ProgramName.Find(process, path, folder).ShouldBe(expected);
        }
    }
}
