using System.Xml.Linq;
using Quatrain.Tests;

namespace Quatrain.Repository.Tests;

/// <summary>The direction in which the projects depend on each other. An arrow that is not listed here needs a decision first.</summary>
public sealed class ProjectReferenceTests
{
    public static TheoryData<string, string[]> Allowed => new()
    {
        { "Quatrain.Tensors", [] },
        { "Quatrain.Tokenizers", [] },
        { "Quatrain.Models", ["Quatrain.Tensors"] },
        { "Quatrain.Inference", ["Quatrain.Models", "Quatrain.Tokenizers"] },
        { "Quatrain.Extensions", ["Quatrain.Inference"] },
        { "Quatrain.Training", ["Quatrain.Inference"] },
        { "Quatrain.Cli", ["Quatrain.Training"] },
    };

    [Theory]
    [MemberData(nameof(Allowed))]
    public void A_project_references_only_what_lies_below_it(string project, string[] allowed) =>
        References(Path.Combine(RepositoryRoot.Path, "src", project, $"{project}.csproj")).ShouldBe(allowed, ignoreOrder: true);

    [Fact]
    public void Every_project_is_listed()
    {
        string[] projects = [.. Projects("src").Select(p => Path.GetFileNameWithoutExtension(p))];

        projects.ShouldBe(Allowed.Select(row => (string)row[0]), ignoreOrder: true);
    }

    [Fact]
    public void Samples_reference_what_an_application_would_and_no_packages()
    {
        string[] samples = Projects("samples");

        samples.ShouldNotBeEmpty();
        foreach (string path in samples)
        {
            References(path).ShouldBe(["Quatrain.Extensions"], path);
            XDocument.Load(path).Descendants("PackageReference").ShouldBeEmpty(path);
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        IEnumerable<string> listed = XDocument.Load(Path.Combine(RepositoryRoot.Path, "Quatrain.slnx")).Descendants("Project").Select(element => element.Attribute("Path")!.Value);
        IEnumerable<string> present = new[] { "benchmarks", "samples", "src", "tests" }.SelectMany(Projects)
            .Select(path => Path.GetRelativePath(RepositoryRoot.Path, path).Replace('\\', '/'));

        listed.ShouldBe(present, ignoreOrder: true);
    }

    [Fact]
    public void Libraries_depend_on_no_packages_but_the_reader_of_tables()
    {
        foreach (string project in Allowed.Select(row => (string)row[0]).Where(name => name is not ("Quatrain.Cli" or "Quatrain.Extensions")))
        {
            XDocument file = XDocument.Load(Path.Combine(RepositoryRoot.Path, "src", project, $"{project}.csproj"));
            file.Descendants("PackageReference").Select(element => element.Attribute("Include")!.Value).ShouldBe(project == "Quatrain.Training" ? ["CsvHelper"] : [], project);
        }
    }

    [Fact]
    public void Only_the_engine_may_use_pointers()
    {
        foreach (string path in Projects("src").Concat(Projects("samples")))
        {
            bool allows = XDocument.Load(path).Descendants("AllowUnsafeBlocks").Any(element => element.Value == "true");
            allows.ShouldBe(Path.GetFileNameWithoutExtension(path) == "Quatrain.Tensors", path);
        }
    }

    private static string[] Projects(string folder) => Directory.GetFiles(Path.Combine(RepositoryRoot.Path, folder), "*.csproj", SearchOption.AllDirectories);

    private static IEnumerable<string> References(string path) =>
        XDocument.Load(path).Descendants("ProjectReference").Select(element => Path.GetFileNameWithoutExtension(element.Attribute("Include")!.Value));
}
