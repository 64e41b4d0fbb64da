using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Instruction;

namespace Quatrain.Training.Tests.FineTuning.Instruction;

public sealed class InstructionTaskTests
{
    private const int Ignored = CrossEntropyOp.IgnoreIndex;

    private static readonly InstructionExample[] Examples =
    [
        new([3, 1, 4, 1, 5], [Ignored, Ignored, 1, 5, 9]),
        new([2, 7], [Ignored, 8]),
        // A conversation: a reply, a question, a reply.
        new([1, 8, 2, 8, 1, 8, 2], [Ignored, 2, Ignored, Ignored, 8, 2, 8]),
        new([6, 6, 6], [6, 6, 0]),
    ];

    [Fact]
    public void The_loss_and_its_gradients_are_those_of_all_positions_with_ignored_targets()
    {
        using WorkerPool pool = new(2);
        using Gpt2Model model = Model();
        InstructionTask task = new(model, 0, Examples, [], padId: 0);
        model.Parameters.AllocateGradients();
        using Tape tape = new(pool, recording: true);
        int[] order = [2, 0, 3, 1];
        PaddedBatch batch = task.Batch(order);
        int[] targets = [.. order.SelectMany(i => Examples[i].Targets.Concat(Enumerable.Repeat(Ignored, batch.Length - Examples[i].Targets.Length)))];

        (float expected, float[][] gradients) = Measure(() => CrossEntropyOp.Forward(tape, model.Forward(tape, batch.Tokens, batch.BatchSize), targets));
        (float loss, float[][] own) = Measure(() => task.Loss(tape, order, batch, task.Input(tape, order, batch, null)));

        loss.ShouldBe(expected, 2e-6f);
        for (int i = 0; i < gradients.Length; i++)
        {
            Differences.Largest(own[i], gradients[i]).ShouldBeLessThan(2e-6, model.Parameters.Parameters[i].Name);
        }

        (float, float[][]) Measure(Func<Tensor> forward)
        {
            model.Parameters.ForgetGradients();
            tape.Begin();
            Tensor result = forward();
            float value = result.Values[0];
            tape.Backward(result);
            return (value, [.. model.Parameters.Parameters.Select(parameter => parameter.Tensor.Gradient.ToArray())]);
        }
    }

    /// <summary>Each token counts the same, however many of them a batch has.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_score_is_the_mean_over_scored_tokens_whatever_the_batches(int batchSize)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = Model();
        double sum = 0;
        int count = 0;
        using Tape tape = new(pool, recording: false);
        foreach (InstructionExample example in Examples)
        {
            for (int t = 0; t < example.Ids.Length; t++)
            {
                if (example.Targets[t] != Ignored)
                {
                    tape.Begin();
                    Tensor logits = model.ForwardLast(tape, example.Ids.AsSpan(0, t + 1), 1);
                    double[] scores = [.. logits.Values.ToArray().Select(value => (double)value)];
                    sum += Math.Log(scores.Sum(Math.Exp)) - scores[example.Targets[t]];
                    count++;
                }
            }
        }

        // The training part is not scored.
        InstructionTask task = new(model, 0, [new([1], [1])], Examples, padId: 9);
        using FineTuningScorer scorer = new(task, batchSize, null, pool);
        TaskScore score = scorer.Score(default);

        count.ShouldBe(11);
        score.Loss.ShouldBe(sum / count, 2e-6);
        score.Criterion.ShouldBe(score.Loss);
        score.Accuracy.ShouldBeNull();
        scorer.Score(default).ShouldBe(score);
    }

    [Fact]
    public void With_adapters_they_alone_have_gradients_and_moments_and_the_base_keeps_its_weights()
    {
        using WorkerPool pool = new(2);
        using Gpt2Model model = Model();
        float[][] before = [.. model.Parameters.Parameters.Select(parameter => parameter.Tensor.Values.ToArray())];
        using LoraAdapters adapters = new(model, new LoraConfig { Rank = 2, Dropout = 0.1f, Targets = ["*"] }, seed: 1);
        adapters.Attach(model);
        int stage = TrainedPart.Adapters(adapters).Apply(model);
        InstructionTask task = new(model, stage, Examples, Examples, padId: 0, adapters.Parameters);
        using FineTuner tuner = new(task, new FineTuningOptions { Epochs = 20, BatchSize = 4, LearningRate = 0.02 }, null, pool);
        double first = tuner.Score(default).Loss;

        for (int step = 0; step < 20; step++)
        {
            tuner.Step();
        }

        stage.ShouldBe(0);
        tuner.Score(default).Loss.ShouldBeLessThan(first - 0.1);
        model.Parameters.Parameters.Select(parameter => parameter.Tensor.Values.ToArray()).ShouldBe(before);
        model.Parameters.Parameters.Count(parameter => parameter.Tensor.Gradient.Length > 0).ShouldBe(0);
        tuner.Optimizer.Parameters.ShouldBe(adapters.Parameters.Parameters);
        tuner.Optimizer.Parameters.Count(parameter => !tuner.Optimizer.SecondMoment(parameter).ContainsAnyExcept(0f)).ShouldBe(0);
    }

    /// <summary>What lies below the first adapter goes through the model once.</summary>
    [Fact]
    public void Adapters_of_upper_blocks_leave_the_lower_ones_frozen()
    {
        using Gpt2Model model = Model();
        using LoraAdapters adapters = new(model, new LoraConfig { Rank = 2, Targets = ["h.1.mlp.c_fc"] }, seed: 1);
        adapters.Attach(model);

        TrainedPart.Adapters(adapters).Apply(model).ShouldBe(1);
    }

    private static Gpt2Model Model()
    {
        Gpt2Model model = new(LastLetters.Config with { VocabularySize = 10, ContextLength = 8 });
        RandomSource random = new(3);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)(0.2 * random.NextNormal());
            }
        }

        return model;
    }
}
