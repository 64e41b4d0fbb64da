using Quatrain.Training.Options;

namespace Quatrain.Training.Tests;

public class LearningRateScheduleTests
{
    // Computed with nanoGPT's get_lr in Python: learning_rate 1e-3, min_lr 1e-4, warmup_iters 100, lr_decay_iters 2000.
    [Theory]
    [InlineData(0, 9.900990099009901e-06)]
    [InlineData(50, 0.000504950495049505)]
    [InlineData(99, 0.0009900990099009901)]
    [InlineData(100, 0.001)]
    [InlineData(101, 0.0009999993848585915)]
    [InlineData(500, 0.0009051132292283772)]
    [InlineData(1050, 0.00055)]
    [InlineData(1999, 0.00010000061514140841)]
    [InlineData(2000, 0.0001)]
    [InlineData(5000, 0.0001)]
    public void At_gives_what_nanoGPT_gives(long iteration, double expected)
    {
        LearningRateSchedule schedule = new(1e-3, 1e-4, 100, 2000);

        schedule.At(iteration).ShouldBe(expected, tolerance: 1e-15);
    }

    [Fact]
    public void From_takes_the_iterations_where_no_decay_is_given()
    {
        TrainingOptions options = new() { Iterations = 300, DecayIterations = 0 };

        LearningRateSchedule.From(options).DecayIterations.ShouldBe(300);
        LearningRateSchedule.From(options with { DecayIterations = 200 }).DecayIterations.ShouldBe(200);
    }

    [Fact]
    public void A_warm_up_longer_than_the_run_only_rises()
    {
        LearningRateSchedule schedule = new(1, 0.1, 10, 5);

        schedule.At(7).ShouldBe(8.0 / 11);
        schedule.At(10).ShouldBe(0.1);
    }

    [Fact]
    public void Without_a_warm_up_the_first_update_has_the_peak() => new LearningRateSchedule(1, 0.1, 0, 5).At(0).ShouldBe(1);

    [Fact]
    public void A_warm_up_that_ends_with_the_decay_gives_the_minimum() => new LearningRateSchedule(1, 0.1, 5, 5).At(5).ShouldBe(0.1);
}
