using Quatrain.Training.Logging;

namespace Quatrain.Training.Runs;

/// <summary>Is told what happens in a run, for display. Nothing it does changes the run.</summary>
public interface ITrainingObserver
{
    /// <summary>The run is set up and begins, or goes on, at <paramref name="step"/>.</summary>
    void Started(TrainingRun run, long step);

    /// <summary>A step is done.</summary>
    void StepDone(StepRecord record);

    /// <summary>An evaluation is done.</summary>
    void Evaluated(EvaluationRecord record);

    /// <summary>A sample was drawn from the model as it stands at <paramref name="step"/>.</summary>
    void Sampled(long step, string text);
}
