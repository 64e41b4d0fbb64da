using Quatrain.Tensors;
using Quatrain.Training.FineTuning.Baselines;

namespace Quatrain.Training.Tests.FineTuning.Baselines;

public class SoftmaxRegressionLossTests
{
    private const int Features = 7;
    private const int Classes = 3;
    private const double C = 2;

    [Fact]
    public void The_gradient_is_that_of_the_loss()
    {
        SoftmaxRegressionLoss loss = Loss(out double[] weights);
        double[] gradient = new double[weights.Length];
        double[] unused = new double[weights.Length];
        Array.Fill(gradient, 9);
        loss.Evaluate(weights, gradient, C);

        for (int i = 0; i < weights.Length; i++)
        {
            const double step = 1e-5;
            double[] moved = [.. weights];
            moved[i] += step;
            double above = loss.Evaluate(moved, unused, C);
            moved[i] -= 2 * step;
            double below = loss.Evaluate(moved, unused, C);
            gradient[i].ShouldBe((above - below) / (2 * step), 1e-8);
        }
    }

    [Fact]
    public void The_loss_at_zero_is_the_logarithm_of_the_class_count()
    {
        SoftmaxRegressionLoss loss = Loss(out double[] weights);

        loss.Evaluate(new double[weights.Length], new double[weights.Length], C).ShouldBe(Math.Log(Classes), 1e-12);
    }

    [Fact]
    public void The_search_ends_where_the_gradient_is_gone_and_nothing_near_is_lower()
    {
        SoftmaxRegressionLoss loss = Loss(out double[] weights);
        LimitedMemoryBfgs search = new();
        search.Minimize((point, gradient) => loss.Evaluate(point, gradient, C), weights, 1e-8, 1000, default);
        double[] unused = new double[weights.Length];
        double least = loss.Evaluate(weights, unused, C);

        search.GradientSize.ShouldBeLessThanOrEqualTo(1e-8);
        search.Iterations.ShouldBeInRange(1, 100);
        RandomSource random = new(3);
        for (int i = 0; i < 100; i++)
        {
            double[] near = [.. weights.Select(weight => weight + 0.01 * random.NextNormal())];
            loss.Evaluate(near, unused, C).ShouldBeGreaterThan(least);
        }
    }

    [Fact]
    public void Large_logits_do_not_overflow()
    {
        double[] logits = [1000, -1000, 1000];

        SoftmaxRegressionLoss.LogSoftmax(logits, 0).ShouldBe(-Math.Log(2), 1e-12);
        logits[1].ShouldBe(-2000 - Math.Log(2), 1e-9);
    }

    private static SoftmaxRegressionLoss Loss(out double[] weights)
    {
        RandomSource random = new(11);
        SparseRows rows = new();
        for (int row = 0; row < 20; row++)
        {
            rows.AddRow([(row % 3, (float)random.NextNormal()), (3 + row % 4, (float)random.NextNormal())]);
        }

        weights = [.. Enumerable.Range(0, (Features + 1) * Classes).Select(_ => random.NextNormal())];
        return new SoftmaxRegressionLoss(rows, [.. Enumerable.Range(0, 20).Select(_ => random.NextInt32(Classes))], Features, Classes);
    }
}
