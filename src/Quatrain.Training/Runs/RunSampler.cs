using Quatrain.Inference;
using Quatrain.Inference.Sampling;
using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Data;
using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Options;

namespace Quatrain.Training.Runs;

/// <summary>Texts drawn from a model in training.</summary>
/// <param name="Texts">The texts, without what ended them.</param>
/// <param name="Score">How many of them are verses and rhyme, where the data are verses.</param>
internal sealed record RunSamples(IReadOnlyList<string> Texts, VerseScore? Score);

/// <summary>
/// Draws texts from a model while it trains, as <c>quatrain generate</c> would by default, and scores them where they are verses. What is drawn depends on the
/// weights, the seed and the step alone.
/// </summary>
internal sealed class RunSampler(ILanguageModel model, TrainingData data, TrainingOptions options, WorkerPool pool) : IDisposable
{
    // Keeps samples apart from everything else the run's seed decides; "sample" in ASCII.
    private const ulong SampleLabel = 0x73616D706C65;

    private readonly TextGenerator _generator = new(model, data.Tokenizer, pool);

    /// <summary>Whether samples can be scored.</summary>
    public bool Scores => data.Grammar is not null;

    /// <summary>Draws <paramref name="count"/> texts; a verse ends at its blank line.</summary>
    /// <exception cref="InvalidDataException">The model's scores are not finite.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public RunSamples Draw(long step, int count, CancellationToken cancellation)
    {
        GenerationOptions generation = new()
        {
            MaxTokens = options.SampleTokens,
            Sampling = new SamplingOptions(),
            Stop = data.SampleEnd is null ? [] : [data.SampleEnd],
            Seed = RandomSource.Mix(options.Seed, SampleLabel, (ulong)step),
        };
        IReadOnlyList<string> texts = _generator.GenerateMany(data.SamplePrompt, count, generation, cancellation);
        cancellation.ThrowIfCancellationRequested();
        VerseScore? score = data.Grammar is null ? null : new VerseScorer(data.Grammar).Score(string.Concat(texts.Select(text => text + data.RecordEnd)));
        return new RunSamples(texts, score);
    }

    public void Dispose() => _generator.Dispose();
}
