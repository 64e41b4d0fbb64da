namespace Quatrain.Cli.Tests.Support;

/// <summary>A theory that needs a system with signals.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute()
    {
        if (OperatingSystem.IsWindows())
        {
            Skip = "needs a system with signals";
        }
    }
}
