using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Verification;

public sealed class OpGradientChecksTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. OpGradientChecks.All.Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_gradients_of_every_op_are_those_of_differences(string name)
    {
        using WorkerPool pool = new(1);
        GradientCheckResult result = OpGradientChecks.All.Single(check => check.Name == name).Run(pool);

        output.WriteLine($"{result.Name}: {result.Elements} elements, worst relative error {result.MaxRelativeError:E1}");
        result.Elements.ShouldBeGreaterThan(5);
        result.MaxRelativeError.ShouldBeLessThanOrEqualTo(result.Tolerance);
        result.Passed.ShouldBeTrue();
    }

    [Fact]
    public void Every_kind_of_node_is_checked()
    {
        Type[] kinds = [.. typeof(Node).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Node)))];
        kinds.ShouldNotBeEmpty();
        HashSet<Type> checkedKinds = [];
        using WorkerPool pool = new(1);
        foreach (OpGradientCheck check in OpGradientChecks.All)
        {
            using ParameterStore store = new();
            using Tape tape = new(pool, recording: true);
            Func<Tape, Tensor> forward = check.Prepare(store);
            tape.Begin();
            forward(tape).RequiresGradient.ShouldBeTrue(check.Name);
            checkedKinds.UnionWith(tape.Nodes.ToArray().Select(node => node.GetType()));
        }

        kinds.Except(checkedKinds).ShouldBeEmpty("an op has no gradient check: add a case to OpGradientChecks.All");
    }
}
