using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Tensors.Verification;

namespace Quatrain.Cli.Tests.Commands;

public sealed class VerifyCommandTests
{
    [Fact]
    public async Task Json_has_a_passed_check_of_every_operation_and_of_whole_models()
    {
        JsonElement json = (await CommandLine.Run("verify", "--json", "--threads", "1")).Json();

        TinyRun.Names(json).ShouldBe(["passed", "lanes", "threads", "checks"]);
        json.GetProperty("passed").GetBoolean().ShouldBeTrue();
        json.GetProperty("threads").GetInt32().ShouldBe(1);
        JsonElement[] checks = [.. json.GetProperty("checks").EnumerateArray()];
        checks.Length.ShouldBeGreaterThan(OpGradientChecks.All.Count);
        foreach (JsonElement check in checks)
        {
            TinyRun.Names(check).ShouldBe(["name", "elements", "max_relative_error", "tolerance", "passed"]);
            check.GetProperty("elements").GetInt64().ShouldBePositive();
            check.GetProperty("max_relative_error").GetDouble().ShouldBeLessThanOrEqualTo(check.GetProperty("tolerance").GetDouble());
        }
    }
}
