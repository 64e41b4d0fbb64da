using System.CommandLine;
using System.Text.RegularExpressions;
using Quatrain.Cli.Hosting;
using Quatrain.Tests;

namespace Quatrain.Repository.Tests;

/// <summary>What the pages say must be there.</summary>
public sealed partial class DocumentationTests
{
    private const string SampleReadme = "samples/MessageFilter/README.md";

    private static readonly string[] Pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "benchmarks/README.md", SampleReadme];

    [Fact]
    public void Paths_named_in_the_pages_exist()
    {
        int found = 0;
        foreach (string page in Pages)
        {
            foreach (Match match in RepositoryPath().Matches(Read(page)))
            {
                string path = match.Value.TrimEnd('.', '/');
                (File.Exists(InRepository(path)) || Directory.Exists(InRepository(path))).ShouldBeTrue($"{page} names '{path}'");
                found++;
            }
        }

        found.ShouldBeGreaterThan(10);
    }

    [Fact]
    public void Links_between_the_pages_lead_somewhere()
    {
        foreach (string page in Pages)
        {
            foreach (Match match in Link().Matches(Read(page)))
            {
                string target = match.Groups[1].Value;
                if (!target.Contains("://", StringComparison.Ordinal))
                {
                    string path = Path.Combine(Path.GetDirectoryName(InRepository(page))!, target);
                    (File.Exists(path) || Directory.Exists(path)).ShouldBeTrue($"{page} links to '{target}'");
                }
            }
        }
    }

    [Fact]
    public void Types_named_in_the_map_exist()
    {
        string sources = string.Join('\n', Directory.GetFiles(InRepository("src"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        foreach (Match match in TypeName().Matches(Read("ARCHITECTURE.md")))
        {
            sources.ShouldContain(match.Groups[1].Value, Case.Sensitive, $"ARCHITECTURE.md names '{match.Groups[1].Value}'");
        }
    }

    [Fact]
    public void The_map_fits_on_150_lines() => File.ReadAllLines(InRepository("ARCHITECTURE.md")).Length.ShouldBeLessThanOrEqualTo(150);

    [Fact]
    public void Commands_shown_in_the_READMEs_parse()
    {
        RootCommand root = CommandHost.Build();
        int found = 0;
        foreach (Match match in CommandLine().Matches(Read("README.md") + Read(SampleReadme)))
        {
            string arguments = match.Groups[1].Value.Split("  ")[0].Trim();
            root.Parse(arguments).Errors.ShouldBeEmpty($"README shows 'quatrain {arguments}'");
            found++;
        }

        found.ShouldBeGreaterThan(5);
    }

    private static string Read(string page) => File.ReadAllText(InRepository(page));

    private static string InRepository(string path) => Path.Combine(RepositoryRoot.Path, path);

    [GeneratedRegex(@"(?<![\w./-])(src|tests|docs|benchmarks|samples)/[\w./-]+")]
    private static partial Regex RepositoryPath();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`([A-Z][A-Za-z0-9]+)(?:\.[A-Za-z]+)?`")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"^ *quatrain ([^\n#]+)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();
}
