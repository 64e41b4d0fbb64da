using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

namespace Quatrain.Training;

/// <summary>What one training step showed.</summary>
/// <param name="Loss">The mean loss of the step's batch before its update, in nats a token.</param>
/// <param name="GradientNorm">The norm of all gradients together, before clipping.</param>
/// <param name="LearningRate">The learning rate of the update.</param>
public readonly record struct StepResult(double Loss, double GradientNorm, double LearningRate);

/// <summary>Does training steps: draw a batch, forward, backward, clip, update.</summary>
/// <remarks>
/// A batch goes through the model in <see cref="BatchSlices"/>, whose gradients add up as those of several batches do where the options ask for them.
/// A step depends on the weights, the moments, the options and its number alone. It gives the same bits for any number of threads, and a warm step allocates
/// nothing on the managed heap but what seeds its batch.
/// </remarks>
public sealed class Trainer : IDisposable
{
    // Keeps dropout apart from everything else the run's seed decides; "drop" in ASCII.
    private const ulong DropoutLabel = 0x64726F70;

    private readonly ILanguageModel _model;
    private readonly TokenDataset _tokens;
    private readonly TrainingOptions _options;
    private readonly LearningRateSchedule _schedule;
    private readonly WorkerPool _pool;
    private readonly Tape _tape;
    private readonly BatchSlices _slices;
    private readonly int[] _inputs;
    private readonly int[] _targets;

    /// <summary>A trainer of <paramref name="model"/>, which it does not own.</summary>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for gradients, moments and activations.</exception>
    public Trainer(ILanguageModel model, TokenDataset tokens, TrainingOptions options, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        (_model, _tokens, _options, _pool) = (model, tokens, options, pool);
        _schedule = LearningRateSchedule.From(options);
        _slices = new BatchSlices(options.BatchSize, options.ContextLength);
        _inputs = new int[options.BatchSize * options.ContextLength];
        _targets = new int[_inputs.Length];
        Optimizer = new AdamW(model.Parameters, new AdamWOptions
        {
            Beta1 = options.Beta1,
            Beta2 = options.Beta2,
            Epsilon = options.Epsilon,
            WeightDecay = options.WeightDecay,
            GradientClip = options.GradientClip,
        });
        _tape = new Tape(pool, recording: true);
        _tape.Reserve(model.TrainingActivationBytes(_slices.LargestSize, options.ContextLength));
    }

    /// <summary>The optimizer, with the moments and the number of steps done.</summary>
    public AdamW Optimizer { get; }

    /// <summary>Where the time of each operation is added up, the optimizer's among them, or null: nothing is measured.</summary>
    public OperationProfile? Profile
    {
        get => _tape.Profile;
        set => _tape.Profile = value;
    }

    /// <summary>The tokens that one step trains on.</summary>
    public long TokensPerStep => (long)_inputs.Length * _options.AccumulationSteps;

    /// <summary>The bytes that the activations of the last slice took, and what their gradients took beside them.</summary>
    public long ActivationBytes => _tape.BytesUsed;

    /// <summary>The slices of one step, over all its batches.</summary>
    public long SlicesPerStep => (long)_options.AccumulationSteps * _slices.Count;

    /// <summary>The slices done of a step that was interrupted; 0 between two steps.</summary>
    public long SlicesDone { get; private set; }

    /// <summary>What those slices contribute to the step's loss; their part of the gradients is in the parameters.</summary>
    public double LossOfSlices { get; private set; }

    /// <summary>The share of the step's sequences that <see cref="SlicesDone"/> slices hold.</summary>
    public double ShareDone
    {
        get
        {
            (long batch, long slice) = Math.DivRem(SlicesDone, _slices.Count);
            return ((double)batch * _options.BatchSize + _slices.Start((int)slice)) / Sequences;
        }
    }

    private double Sequences => (double)_options.AccumulationSteps * _options.BatchSize;

    /// <summary>
    /// Does the next step. A loss or gradient that is no number leaves the weights as they were, and shows in the result.
    /// </summary>
    public StepResult Step() => TryStep(null, CancellationToken.None, out StepResult result) ? result : throw new InvalidOperationException("Nobody interrupted it.");

    /// <summary>Does the next step, or the rest of one that was interrupted, as <see cref="Step"/> does.</summary>
    /// <param name="sliceDone">Is called after each slice but the last, or null.</param>
    /// <param name="cancellation">Interrupts the step between two slices. Its gradients so far stay: the next call goes on from there.</param>
    /// <param name="result">What the step showed.</param>
    /// <returns>Whether the step is done.</returns>
    public bool TryStep(Action? sliceDone, CancellationToken cancellation, out StepResult result)
    {
        long step = Optimizer.Step;
        if (SlicesDone == 0)
        {
            _model.Parameters.ForgetGradients();
        }

        bool isFilled = false;
        while (SlicesDone < SlicesPerStep)
        {
            if (cancellation.IsCancellationRequested)
            {
                result = default;
                return false;
            }

            // Numbered through the whole run, so that no two slices have the same dropout.
            long number = step * SlicesPerStep + SlicesDone;
            (long batch, long slice) = Math.DivRem(number, _slices.Count);
            if (slice == 0 || !isFilled)
            {
                _tokens.FillBatch(_options.Seed, batch, _options.BatchSize, _options.ContextLength, _inputs, _targets);
                isFilled = true;
            }

            DoSlice(number, (int)slice);
            SlicesDone++;
            if (SlicesDone < SlicesPerStep)
            {
                sliceDone?.Invoke();
            }
        }

        result = Update(step);
        return true;
    }

    /// <summary>Goes on with a step of which so much was done elsewhere; the gradients of those slices are in the parameters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A step has not that many slices.</exception>
    public void ResumeStep(long slicesDone, double lossOfSlices)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slicesDone);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slicesDone, SlicesPerStep);
        (SlicesDone, LossOfSlices) = (slicesDone, lossOfSlices);
    }

    /// <summary>Frees gradients' and activations' memory and the moments.</summary>
    public void Dispose()
    {
        _tape.Dispose();
        Optimizer.Dispose();
    }

    private void DoSlice(long number, int slice)
    {
        int start = _slices.Start(slice), size = _slices.Start(slice + 1) - start;
        Range part = (start * _options.ContextLength)..((start + size) * _options.ContextLength);
        _tape.Begin(RandomSource.Mix(_options.Seed, DropoutLabel, (ulong)number));
        Tensor logits = _model.Forward(_tape, _inputs.AsSpan(part), size);
        Tensor loss = CrossEntropyOp.Forward(_tape, logits, _targets.AsSpan(part));
        LossOfSlices += (double)loss.Values[0] * size / Sequences;
        _tape.Backward(loss, (float)(size / Sequences));
    }

    private StepResult Update(long step)
    {
        double loss = LossOfSlices;
        (SlicesDone, LossOfSlices) = (0, 0);
        double norm;
        using (Measure("clip, norm", bytesPerWeight: 4))
        {
            norm = Optimizer.GradientNorm(_pool);
        }

        double learningRate = _schedule.At(step);
        if (double.IsFinite(loss) && double.IsFinite(norm))
        {
            // Reads weight, gradient and both moments; writes all but the gradient.
            using OperationTimer timer = Measure("AdamW", bytesPerWeight: 28);
            Optimizer.Update(learningRate, norm, _pool);
        }

        return new StepResult(loss, norm, learningRate);
    }

    /// <summary>Measures a pass over all weights until the result is disposed, where there is a profile.</summary>
    private OperationTimer Measure(string name, int bytesPerWeight)
    {
        long weights = _model.Parameters.ElementCount;
        return Profile is null ? default : Profile.Start(new Operation(name, 1, (int)Math.Min(weights, int.MaxValue)), 0, (double)bytesPerWeight * weights);
    }
}
