namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>A fact that needs something of the operating system and is skipped, saying so, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FactNeedingAttribute : FactAttribute
{
    public FactNeedingAttribute(string path)
    {
        Path = path;
        if (!System.IO.Path.Exists(path))
        {
            Skip = $"needs {path}, which is not on this machine";
        }
    }

    public string Path { get; }
}
