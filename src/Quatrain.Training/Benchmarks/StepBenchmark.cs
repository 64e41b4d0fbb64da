using System.Diagnostics;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

namespace Quatrain.Training.Benchmarks;

/// <summary>Measures the training step of a model with random weights on random tokens, done by the same <see cref="Trainer"/> that trains.</summary>
public sealed class StepBenchmark : IDisposable
{
    private const int LeastSteps = 3;
    private const int RandomTokens = 1 << 18;

    // The first step touches all memory for the first time, and the compiler takes its time to make fast code of what runs often.
    private const int LeastWarmUpSteps = 2;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10);

    private readonly Gpt2Model _model;
    private readonly Trainer _trainer;
    private readonly OperationProfile _profile = new();

    /// <summary>Makes the model, the tokens and the trainer.</summary>
    /// <param name="config">The model, whose context may be longer than the sequences that are trained on.</param>
    /// <param name="options">How it is trained: the batch, its sequences' length, the optimizer. Sizes of a model in them count for nothing.</param>
    /// <param name="pool">The workers.</param>
    /// <exception cref="InvalidDataException">The model is impossible.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public StepBenchmark(Gpt2Config config, TrainingOptions options, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(options);
        _model = new Gpt2Model(config);
        try
        {
            Gpt2Initialization.Initialize(_model, options.Initialization, options.Seed);
            RandomSource random = new(options.Seed);
            int[] tokens = new int[RandomTokens + options.ContextLength];
            for (int i = 0; i < tokens.Length; i++)
            {
                tokens[i] = random.NextInt32(config.VocabularySize);
            }

            _trainer = new Trainer(_model, new TokenDataset(tokens, []), options, pool);
        }
        catch
        {
            _model.Dispose();
            throw;
        }

        FlopsPerStep = (double)Gpt2Flops.TrainingFlopsPerToken(config, options.ContextLength) * _trainer.TokensPerStep;
    }

    /// <summary>The floating-point operations of one step by the field's count.</summary>
    public double FlopsPerStep { get; }

    /// <summary>Warms up, then measures steps as a whole and, by turns, steps operation by operation, so that both see the machine in the same state.</summary>
    /// <param name="steps">How many of each; null for as many as fit in about ten seconds, but at least three.</param>
    /// <param name="progress">Is told the share that is done, or null.</param>
    /// <param name="cancellation">Ends it between two steps.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public StepMeasurement Measure(int? steps = null, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        if (steps is { } given)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(given, 1, nameof(steps));
        }

        Stopwatch clock = Stopwatch.StartNew();
        for (int step = 0; step < LeastWarmUpSteps || clock.Elapsed < WarmUp; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            TimeStep(_profile);
        }

        List<double> seconds = [];
        List<ProfiledStep> profiled = [];
        clock.Restart();
        while (Done(seconds.Count, steps, clock.Elapsed) < 1)
        {
            cancellation.ThrowIfCancellationRequested();
            seconds.Add(TimeStep(profile: null));
            cancellation.ThrowIfCancellationRequested();
            _profile.Clear();
            profiled.Add(new ProfiledStep(TimeStep(_profile), _profile.Totals));
            progress?.Invoke(Done(seconds.Count, steps, clock.Elapsed));
        }

        seconds.Sort();
        ProfiledStep[] middle = MiddleThird(profiled);
        return new StepMeasurement
        {
            Seconds = seconds,
            TokensPerStep = _trainer.TokensPerStep,
            FlopsPerStep = FlopsPerStep,
            PeakMemoryBytes = PeakMemory(),
            ProfiledSteps = middle.Length,
            ProfiledSeconds = middle.Sum(step => step.Seconds),
            Operations = Sum(middle),
        };
    }

    /// <summary>Frees the model and all that trained it.</summary>
    public void Dispose()
    {
        _trainer.Dispose();
        _model.Dispose();
    }

    private double TimeStep(OperationProfile? profile)
    {
        _trainer.Profile = profile;
        long start = Stopwatch.GetTimestamp();
        _trainer.Step();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Done(int done, int? steps, TimeSpan elapsed) =>
        steps is { } wanted ? (double)done / wanted : Math.Min((double)done / LeastSteps, elapsed / Duration);

    /// <summary>
    /// The steps whose time is about the median. One in which another program took the processor would say more of that program than of the operation it
    /// happened in.
    /// </summary>
    private static ProfiledStep[] MiddleThird(List<ProfiledStep> steps)
    {
        int left = steps.Count / 3;
        return [.. steps.OrderBy(step => step.Seconds).Skip(left).SkipLast(left)];
    }

    private static OperationTotal[] Sum(IEnumerable<ProfiledStep> steps) =>
    [
        .. steps.SelectMany(step => step.Operations).GroupBy(total => total.Operation)
            .Select(same => new OperationTotal(
                same.Key, same.Sum(total => total.Calls), same.Sum(total => total.Seconds), same.Sum(total => total.Flops), same.Sum(total => total.Bytes)))
            .OrderByDescending(total => total.Seconds),
    ];

    /// <summary>The most memory the process has held, in bytes.</summary>
    internal static long PeakMemory()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    private sealed record ProfiledStep(double Seconds, IReadOnlyList<OperationTotal> Operations);
}
