using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training.Benchmarks;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.Benchmarks;

public sealed class StepBenchmarkTests
{
    private static readonly string[] Products = ["linear, forward", "linear, dx", "linear, dW", "attention, forward", "attention, backward"];

    private static readonly string[] Others =
    [
        "embedding, forward", "embedding, backward", "layer norm, forward", "layer norm, backward", "linear, db", "activation, forward", "activation, backward",
        "dropout, forward", "dropout, backward", "residual, forward", "residual, backward", "cross entropy, forward", "cross entropy, backward", "clip, norm", "AdamW",
    ];

    /// <summary>The count by the formula and the count of what was really done are the same number, not nearly the same.</summary>
    [Theory]
    [InlineData(1, 1, true, true, 0, 16)]
    [InlineData(2, 2, false, true, 0.1, 16)]
    [InlineData(3, 1, true, false, 0, 7)]
    [InlineData(1, 3, true, true, 0.2, 1)]
    public void The_products_a_step_does_are_those_the_formula_counts(int layers, int passes, bool bias, bool tied, double dropout, int sequenceLength)
    {
        TrainingOptions options = SmallRun.Options with
        {
            LayerCount = layers,
            AccumulationSteps = passes,
            Bias = bias,
            TieEmbeddings = tied,
            Dropout = dropout,
        };
        Gpt2Config config = TrainingRun.ModelConfig(options, vocabularySize: 29);
        options = options with { ContextLength = sequenceLength };
        using WorkerPool pool = new(2);
        using StepBenchmark benchmark = new(config, options, pool);

        StepMeasurement step = benchmark.Measure(steps: 2);

        double expected = (double)Gpt2Flops.TrainingFlopsPerToken(config, sequenceLength) * options.BatchSize * sequenceLength * passes;
        step.FlopsPerStep.ShouldBe(expected);
        step.ProfiledSteps.ShouldBe(2);
        (step.Operations.Sum(total => total.Flops) / step.ProfiledSteps).ShouldBe(expected);
    }

    [Fact]
    public void A_measurement_is_consistent()
    {
        TrainingOptions options = SmallRun.Options with { Dropout = 0.1 };
        Gpt2Config config = TrainingRun.ModelConfig(options, vocabularySize: 29);
        using WorkerPool pool = new(1);
        using StepBenchmark benchmark = new(config, options, pool);
        List<double> progress = [];

        StepMeasurement step = benchmark.Measure(steps: 7, progress.Add);

        step.Seconds.Count.ShouldBe(7);
        step.Seconds.ShouldBeInOrder(SortDirection.Ascending);
        step.LeastSeconds.ShouldBe(step.Seconds[0]);
        step.MedianSeconds.ShouldBe(step.Seconds[3]);
        step.TokensPerStep.ShouldBe(options.BatchSize * options.ContextLength);
        step.Gflops.ShouldBe(step.FlopsPerStep / step.MedianSeconds / 1e9);
        step.TokensPerSecond.ShouldBe(step.TokensPerStep / step.MedianSeconds);
        step.PeakMemoryBytes.ShouldBeGreaterThan(Gpt2Memory.TrainingBytes(config, options.BatchSize, options.ContextLength));
        progress.Count.ShouldBe(7);
        progress.ShouldBeInOrder(SortDirection.Ascending);
        progress[^1].ShouldBe(1);

        // Of 7 profiled steps the middle 3.
        step.ProfiledSteps.ShouldBe(3);
        step.Operations.Select(total => total.Operation).ShouldBeUnique();
        step.Operations.Select(total => total.Operation.Name).Distinct().ShouldBeSubsetOf([.. Products, .. Others]);
        ((string[])[.. Products, "clip, norm", "AdamW"]).ShouldBeSubsetOf([.. step.Operations.Select(total => total.Operation.Name)]);
        step.Operations.Select(total => total.Seconds).ShouldBeInOrder(SortDirection.Descending);
        step.Operations.ShouldAllBe(total => total.Calls % 3 == 0 && total.Flops > 0 == Products.Contains(total.Operation.Name));
        step.OtherSeconds.ShouldBeGreaterThan(0);
        (step.OtherSeconds + step.Operations.Sum(total => total.Seconds)).ShouldBe(step.ProfiledSeconds, 1e-9);
    }

    [Fact]
    public void The_optimizer_is_measured_in_bytes_a_weight()
    {
        Gpt2Config config = TrainingRun.ModelConfig(SmallRun.Options, vocabularySize: 29);
        using WorkerPool pool = new(1);
        using StepBenchmark benchmark = new(config, SmallRun.Options, pool);

        StepMeasurement step = benchmark.Measure(steps: 1);

        OperationTotal norm = step.Operations.Single(total => total.Operation.Name == "clip, norm");
        OperationTotal update = step.Operations.Single(total => total.Operation.Name == "AdamW");
        (norm.Calls, norm.Bytes).ShouldBe((1, 4 * config.ParameterCount));
        (update.Calls, update.Bytes).ShouldBe((1, 28 * config.ParameterCount));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 5)]
    public void The_median_of_an_even_number_of_steps_lies_between_the_middle_two(int extra, double expected)
    {
        StepMeasurement step = new()
        {
            Seconds = [1, 4, .. Enumerable.Repeat(6.0, extra)],
            TokensPerStep = 10,
            FlopsPerStep = 1e9,
            PeakMemoryBytes = 0,
            ProfiledSteps = 1,
            ProfiledSeconds = 1,
            Operations = [],
        };

        step.MedianSeconds.ShouldBe(expected);
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        using WorkerPool pool = new(1);
        using StepBenchmark benchmark = new(TrainingRun.ModelConfig(SmallRun.Options, vocabularySize: 29), SmallRun.Options, pool);
        using CancellationTokenSource source = new();

        Should.Throw<OperationCanceledException>(() => benchmark.Measure(steps: int.MaxValue, _ => source.Cancel(), source.Token));
    }
}
