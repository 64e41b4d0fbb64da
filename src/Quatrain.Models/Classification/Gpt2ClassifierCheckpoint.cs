using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Classification;

/// <summary>Saves a classifier to a folder and loads it: config.json and model.safetensors, as transformers' GPT2ForSequenceClassification has them.</summary>
public static class Gpt2ClassifierCheckpoint
{
    /// <summary>Writes configuration and weights, as F32, to <paramref name="folder"/>, which is made where it is absent.</summary>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="classifier">The classifier.</param>
    /// <param name="labels">The name of each class.</param>
    /// <param name="padId">The token that stands after the end of a shorter text beside longer ones.</param>
    /// <exception cref="InvalidDataException">A weight is not finite; the files stay as they were.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public static void Save(string folder, Gpt2Classifier classifier, IReadOnlyList<string> labels, int padId)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count != classifier.ClassCount)
        {
            throw new ArgumentException($"There are {labels.Count} labels for {classifier.ClassCount} classes.", nameof(labels));
        }

        Gpt2Checkpoint.RequireFinite(folder, classifier.Model.Parameters);
        Gpt2Checkpoint.RequireFinite(folder, classifier.HeadParameters);
        Directory.CreateDirectory(folder);
        string configPath = Path.Combine(folder, ModelFolder.ConfigFileName);

        // Configuration last: a crash in between leaves a folder that can't be loaded rather than one that loads wrongly.
        File.Delete(configPath);
        SafetensorsWriter.Write(
            Path.Combine(folder, ModelFolder.WeightsFileName),
            [
                .. classifier.Model.Parameters.Parameters.Select(parameter => Outgoing(TensorInventory.TransformerPrefix + parameter.Name, parameter.Tensor)),
                Outgoing(Gpt2Classifier.HeadName, classifier.Head),
            ],
            new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" });
        Gpt2ConfigJson.WriteForClassification(configPath, classifier.Model.Config, labels, padId);
    }

    /// <summary>
    /// Opens the classifier in <paramref name="folder"/> for inference, its weights mapped where they lie as they are needed: a whole model, or adapters beside the model they
    /// were trained on.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="classCount">The classes that its head must have.</param>
    /// <param name="pooling">What the head looks at.</param>
    /// <param name="format">What the matrices are to be, or null for what the file has. The head stays float32.</param>
    /// <param name="pool">Checks and converts the weights.</param>
    /// <param name="vocabularySize">The tokens there are, as for <see cref="Gpt2Source.Open"/>.</param>
    /// <param name="baseModel">The model that adapters were trained on, where it is not the one they name.</param>
    /// <exception cref="InvalidDataException">There is no classifier with such a head, or a damaged one.</exception>
    /// <inheritdoc cref="Gpt2Checkpoint.Map" path="/exception"/>
    public static Gpt2Classifier Map(
        string folder, int classCount, Pooling pooling, WeightFormat? format, WorkerPool pool, int? vocabularySize = null, string? baseModel = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        bool isAdapter = AdapterFolder.IsAt(folder);
        if (!isAdapter && baseModel is not null)
        {
            throw new InvalidDataException($"A base, '{baseModel}', is given for '{folder}', which is no adapter; leave it out.");
        }

        return isAdapter ? MapAdapter(folder, classCount, pooling, format, pool, vocabularySize, baseModel) : MapWhole(folder, classCount, pooling, format, pool, vocabularySize);
    }

    private static Gpt2Classifier MapWhole(string folder, int classCount, Pooling pooling, WeightFormat? format, WorkerPool pool, int? vocabularySize)
    {
        Gpt2Classifier classifier = new(Gpt2Checkpoint.Map(folder, format, pool, vocabularySize), classCount, pooling);
        try
        {
            using ITensorFile file = SafetensorsFile.Open(Path.Combine(folder, ModelFolder.WeightsFileName));
            ReadHead(file, Gpt2Classifier.HeadName, classifier);
            return classifier;
        }
        catch
        {
            classifier.Dispose();
            throw;
        }
    }

    private static Gpt2Classifier MapAdapter(string folder, int classCount, Pooling pooling, WeightFormat? format, WorkerPool pool, int? vocabularySize, string? baseModel)
    {
        using AdapterSource adapter = AdapterSource.Open(folder, baseModel);
        Gpt2Classifier classifier = new(Gpt2Checkpoint.Map(adapter.BasePath, format, pool, vocabularySize), classCount, pooling);
        try
        {
            LoraAdapters adapters = adapter.Read(classifier.Model.LinearLayers);
            classifier.Model.Parameters.Own(adapters);
            adapters.Attach(classifier.Model);
            adapter.ReadOther(Gpt2Classifier.HeadName, Gpt2Checkpoint.Sizes(classifier.Head.Shape), classifier.Head.Values);
            return classifier;
        }
        catch
        {
            classifier.Dispose();
            throw;
        }
    }

    private static void ReadHead(ITensorFile file, string name, Gpt2Classifier classifier)
    {
        long[] shape = Gpt2Checkpoint.Sizes(classifier.Head.Shape);
        if (!file.TryGet(name, out TensorEntry? entry))
        {
            throw new InvalidDataException($"'{file.Path}' has no {TensorText.Quote(name)}, so it is no classifier; make one with quatrain finetune classify.");
        }

        if (!entry.Shape.AsSpan().SequenceEqual(shape) || !entry.IsReadableAsFloats)
        {
            throw new InvalidDataException(
                $"'{file.Path}' can't be used: its {TensorText.Quote(name)} is {TensorText.Shape(entry.Shape)} of {entry.TypeName}, not {TensorText.Shape(shape)} of floats; "
                + "use the files that one run of quatrain finetune classify left.");
        }

        file.ReadFiniteFloats(entry, classifier.Head.Values);
    }

    private static SafetensorsTensor Outgoing(string name, Tensor tensor) => new(name, Gpt2Checkpoint.Sizes(tensor.Shape), () => tensor.Values);
}
