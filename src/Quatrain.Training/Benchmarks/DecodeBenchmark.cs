using System.Diagnostics;
using Quatrain.Inference;
using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Training.Benchmarks;

/// <summary>
/// Measures how fast a model with random weights reads a prompt and decodes, by the <see cref="TokenGenerator"/> that generates, with the likeliest token taken
/// each time. The machine is measured between them, so that the share they reach is that of the same moment.
/// </summary>
public sealed class DecodeBenchmark : IDisposable
{
    private const int LeastPrompts = 3;
    private const int WarmUpTokens = 8;

    private static readonly TimeSpan PromptDuration = TimeSpan.FromSeconds(4);

    private readonly Gpt2Model _model;
    private readonly WeightFormat _weights;
    private readonly WorkerPool _pool;
    private readonly TokenGenerator _generator;
    private readonly OperationProfile _profile = new();

    /// <summary>Makes the model.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">What its matrices are held as.</param>
    /// <param name="pool">The workers.</param>
    /// <exception cref="InvalidDataException">The model is impossible.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public DecodeBenchmark(Gpt2Config config, WeightFormat weights, WorkerPool pool)
    {
        _weights = weights;
        _pool = pool;
        _model = new Gpt2Model(config);
        Gpt2Initialization.Initialize(_model, InitializationScheme.Gpt2, seed: 1);
        if (weights != WeightFormat.Float32)
        {
            using Gpt2Model initialized = _model;
            _model = initialized.WithWeights(weights, pool);
        }

        _generator = new TokenGenerator(_model, pool);
    }

    /// <summary>Reads prompts, then decodes after prompts of that length.</summary>
    /// <param name="promptTokens">The tokens of a prompt.</param>
    /// <param name="newTokens">The tokens to generate, at least 2: the first comes of the prompt, each other of a step. With the prompt at most the context.</param>
    /// <param name="batchSize">The sequences decoded together.</param>
    /// <param name="progress">Is told the share that is done, or null.</param>
    /// <param name="cancellation">Ends it between two tokens.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public DecodeMeasurement Measure(int promptTokens, int newTokens, int batchSize, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(promptTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(newTokens, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(promptTokens, _model.ContextLength - newTokens);
        Generate(promptTokens, Math.Min(WarmUpTokens, newTokens), 1, cancellation);
        (IReadOnlyList<OperationTotal> promptOperations, double promptSeconds) = Profile(() => Generate(promptTokens, 1, 1, cancellation)[0]);
        progress?.Invoke(0.1);
        List<double> profiled = [];
        (IReadOnlyList<OperationTotal> stepOperations, _) = Profile(() =>
        {
            profiled = Generate(promptTokens, newTokens, batchSize, cancellation, _profile.Clear)[1..];
            return 0;
        });
        progress?.Invoke(0.3);
        // Before the probe, whose memory would count.
        long peakMemory = StepBenchmark.PeakMemory();
        using MachineProbe probe = new(_pool);
        double promptFlops = Gpt2Flops.PromptFlops(_model.Config, promptTokens), stepBytes = StepBytes(promptTokens + newTokens / 2, batchSize);
        List<double> prompts = [], promptShares = [];
        Stopwatch clock = Stopwatch.StartNew();
        while (prompts.Count < LeastPrompts || clock.Elapsed < PromptDuration)
        {
            double seconds = Generate(promptTokens, 1, 1, cancellation)[0];
            prompts.Add(seconds);
            promptShares.Add(promptFlops / seconds / 1e9 / probe.MultiplyAddGflops());
            progress?.Invoke(0.3 + 0.4 * Math.Min((double)prompts.Count / LeastPrompts, clock.Elapsed / PromptDuration));
        }

        List<double> stepShares = [];
        List<double> steps = Generate(
            promptTokens, newTokens, batchSize, cancellation,
            then: seconds => stepShares.Add(stepBytes / seconds / 1e9 / probe.ReadGigabytesPerSecond()))[1..];
        progress?.Invoke(1);
        prompts.Sort();
        promptShares.Sort();
        steps.Sort();
        stepShares.Sort();
        return new DecodeMeasurement
        {
            PromptTokens = promptTokens,
            PromptSeconds = prompts,
            PromptFlops = promptFlops,
            PromptShares = promptShares,
            BatchSize = batchSize,
            StepSeconds = steps,
            StepBytes = stepBytes,
            StepShares = stepShares,
            PromptOperations = promptOperations,
            ProfiledPromptSeconds = promptSeconds,
            StepOperations = stepOperations,
            ProfiledSteps = profiled.Count,
            ProfiledStepSeconds = profiled.Sum(),
            PeakMemoryBytes = peakMemory,
        };
    }

    /// <summary>Frees the model.</summary>
    public void Dispose()
    {
        _generator.Dispose();
        _model.Dispose();
    }

    /// <summary>The weights but for the tables that a token reads one row of, and the keys and values of so many tokens of each sequence.</summary>
    private double StepBytes(int tokens, int batchSize)
    {
        Gpt2Config config = _model.Config;
        long looked = WeightMemory.ByteCount(config.ContextLength, config.EmbeddingSize, WeightFormat.Float32)
            + (config.TieEmbeddings ? 0 : WeightMemory.ByteCount(config.VocabularySize, config.EmbeddingSize, _weights));
        return Gpt2Memory.WeightBytes(config, _weights) - looked + Gpt2Memory.KvCacheBytes(config, batchSize, tokens);
    }

    private (IReadOnlyList<OperationTotal> Operations, double Seconds) Profile(Func<double> work)
    {
        _profile.Clear();
        _generator.Profile = _profile;
        double seconds = work();
        _generator.Profile = null;
        return (_profile.Totals, seconds);
    }

    /// <summary>
    /// The seconds of each token, from the one before it on or the beginning: the first counts reading the prompts, after which <paramref name="begun"/> is called. What
    /// <paramref name="then"/> does after each other token, told its seconds, is not counted.
    /// </summary>
    private List<double> Generate(
        int promptTokens, int newTokens, int batchSize, CancellationToken cancellation, Action? begun = null, Action<double>? then = null)
    {
        RandomSource random = new(1);
        int[] prompt = [.. Enumerable.Range(0, promptTokens).Select(_ => random.NextInt32(_model.VocabularySize))];
        GenerationOptions options = new() { MaxTokens = newTokens, Sampling = new SamplingOptions { Temperature = 0 } };
        List<double> seconds = new(newTokens);
        long last = Stopwatch.GetTimestamp();
        int rows = 0;
        _generator.GenerateBatch(Enumerable.Repeat(new TokenRequest(prompt, options, Accept), batchSize), batchSize, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return seconds;

        bool Accept(int id)
        {
            if (++rows % batchSize == 0)
            {
                seconds.Add(Stopwatch.GetElapsedTime(last).TotalSeconds);
                if (seconds.Count == 1)
                {
                    begun?.Invoke();
                }
                else
                {
                    then?.Invoke(seconds[^1]);
                }

                last = Stopwatch.GetTimestamp();
            }

            return true;
        }
    }
}
