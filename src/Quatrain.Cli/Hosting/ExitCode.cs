namespace Quatrain.Cli.Hosting;

/// <summary>What the process tells its caller.</summary>
internal static class ExitCode
{
    /// <summary>Done; also a run that was stopped by Ctrl-C and saved.</summary>
    public const int Done = 0;

    /// <summary>The work failed: a full disk, a loss that became NaN, a check that did not pass.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage or bad input.</summary>
    public const int BadInput = 2;
}
