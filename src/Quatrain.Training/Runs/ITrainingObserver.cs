using Quatrain.Training.Logging;

namespace Quatrain.Training.Runs;

/// <summary>Is told what happens in a run, for display. Nothing it does changes the run.</summary>
public interface ITrainingObserver
{
    /// <summary>The run is set up and begins, or goes on, at <paramref name="step"/>.</summary>
    void Started(TrainingRun run, long step);

    /// <summary>A part of a step is done, and others of it are to come; a step of many tokens may take many minutes.</summary>
    void SliceDone(StepProgress progress);

    /// <summary>A step is done.</summary>
    void StepDone(StepRecord record);

    /// <summary>An evaluation is done.</summary>
    void Evaluated(EvaluationRecord record);

    /// <summary>A sample was drawn from the model as it stands at <paramref name="step"/>.</summary>
    void Sampled(long step, string text);
}

/// <summary>How far a step has come.</summary>
/// <param name="Step">The number of the step.</param>
/// <param name="Share">The share of its tokens that is done, between 0 and 1.</param>
/// <param name="Loss">The mean training loss of these tokens, in nats a token.</param>
/// <param name="TokensPerSecond">Tokens trained on in a second, in this step.</param>
public readonly record struct StepProgress(long Step, double Share, double Loss, double TokensPerSecond);
