using System.Globalization;
using Quatrain.Models.Checkpoints;
using Quatrain.Tensors;

namespace Quatrain.Training.Runs;

/// <summary>
/// Where a run stands between two steps, or between two slices of a step that was interrupted. Batches and dropout depend on the seed and the step alone, so this is all there is to go on from.
/// </summary>
public sealed record TrainingState
{
    private const string FirstMoments = "first_moment/", SecondMoments = "second_moment/", Weights = "weights/", Gradients = "gradients/";

    private const string SlicesKey = "slices_done", SlicesLossKey = "loss_of_slices";

    /// <summary>The updates done.</summary>
    public long Step { get; init; }

    /// <summary>The step of the last evaluation, or -1.</summary>
    public long EvaluatedStep { get; init; } = -1;

    /// <summary>The step of the best evaluation, whose model is in the run folder, or -1.</summary>
    public long BestStep { get; init; } = -1;

    /// <summary>The best validation loss, in nats a token.</summary>
    public double BestLoss { get; init; } = double.PositiveInfinity;

    /// <summary>The slices done of the next step, where the run was stopped in the middle of it: the gradients so far belong to the state then.</summary>
    public long SlicesDone { get; init; }

    /// <summary>What those slices contribute to the step's loss.</summary>
    public double LossOfSlices { get; init; }

    /// <summary>Writes this with the moments of <paramref name="optimizer"/>, and the weights that it trains, to <paramref name="path"/>, crash-safe.</summary>
    public void Save(string path, AdamW optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        List<SafetensorsTensor> tensors = [];
        foreach (Parameter parameter in optimizer.Parameters)
        {
            long[] shape = Shape(parameter);
            tensors.Add(new SafetensorsTensor(Weights + parameter.Name, shape, () => parameter.Tensor.Values));
            tensors.Add(new SafetensorsTensor(FirstMoments + parameter.Name, shape, () => optimizer.FirstMoment(parameter)));
            tensors.Add(new SafetensorsTensor(SecondMoments + parameter.Name, shape, () => optimizer.SecondMoment(parameter)));
            if (SlicesDone > 0)
            {
                tensors.Add(new SafetensorsTensor(Gradients + parameter.Name, shape, () => parameter.Tensor.Gradient));
            }
        }

        Dictionary<string, string> notes = new()
        {
            ["step"] = Step.ToString(CultureInfo.InvariantCulture),
            ["evaluated_step"] = EvaluatedStep.ToString(CultureInfo.InvariantCulture),
            ["best_step"] = BestStep.ToString(CultureInfo.InvariantCulture),
            ["best_loss"] = BestLoss.ToString("R", CultureInfo.InvariantCulture),
        };
        if (SlicesDone > 0)
        {
            notes[SlicesKey] = SlicesDone.ToString(CultureInfo.InvariantCulture);
            notes[SlicesLossKey] = LossOfSlices.ToString("R", CultureInfo.InvariantCulture);
        }

        SafetensorsWriter.Write(path, tensors, notes);
    }

    /// <summary>Reads weights and moments back from <paramref name="path"/>, and returns where the run stood.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or of another model.</exception>
    public static TrainingState Load(string path, AdamW optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        bool isInterrupted = file.Metadata.ContainsKey(SlicesKey);
        string[] kinds = isInterrupted ? [Weights, FirstMoments, SecondMoments, Gradients] : [Weights, FirstMoments, SecondMoments];
        IReadOnlyDictionary<string, TensorEntry> entries = TensorInventory.Check(
            file, optimizer.Parameters.SelectMany(p => kinds.Select(kind => (kind + p.Name, Shape(p)))));
        TrainingState state = new()
        {
            Step = Number(file, "step"),
            EvaluatedStep = Number(file, "evaluated_step"),
            BestStep = Number(file, "best_step"),
            BestLoss = Fraction(file, "best_loss"),
            SlicesDone = isInterrupted ? Number(file, SlicesKey) : 0,
            LossOfSlices = isInterrupted ? Fraction(file, SlicesLossKey) : 0,
        };
        if (state.Step < 0)
        {
            throw Damaged(file, "step");
        }

        if (state.SlicesDone < 0 || (isInterrupted && state.SlicesDone == 0))
        {
            throw Damaged(file, SlicesKey);
        }

        if (isInterrupted)
        {
            optimizer.KeepGradients();
        }

        foreach (Parameter parameter in optimizer.Parameters)
        {
            file.ReadFiniteFloats(entries[Weights + parameter.Name], parameter.Tensor.Values);
            file.ReadFiniteFloats(entries[FirstMoments + parameter.Name], optimizer.FirstMoment(parameter));
            file.ReadFiniteFloats(entries[SecondMoments + parameter.Name], optimizer.SecondMoment(parameter));
            if (isInterrupted)
            {
                file.ReadFiniteFloats(entries[Gradients + parameter.Name], parameter.Tensor.Gradient);
            }
        }

        optimizer.Step = state.Step;
        return state;
    }

    private static long[] Shape(Parameter parameter)
    {
        Shape shape = parameter.Tensor.Shape;
        return [.. Enumerable.Range(0, shape.Rank).Select(i => (long)shape[i])];
    }

    private static long Number(SafetensorsFile file, string key) =>
        long.TryParse(Text(file, key), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : throw Damaged(file, key);

    private static double Fraction(SafetensorsFile file, string key) =>
        double.TryParse(Text(file, key), CultureInfo.InvariantCulture, out double value) ? value : throw Damaged(file, key);

    private static string Text(SafetensorsFile file, string key) => file.Metadata.TryGetValue(key, out string? text) ? text : throw Damaged(file, key);

    private static InvalidDataException Damaged(SafetensorsFile file, string key) =>
        new($"'{file.Path}' has no valid '{key}', so the run can't be resumed from it; begin a new run, or restore the file.");
}
