using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Quatrain.Models;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;

namespace Quatrain.Inference.Classification;

/// <summary>When a class is chosen that need not be the likeliest.</summary>
/// <param name="Label">The index of the class.</param>
/// <param name="Probability">It is chosen where its probability is at least this, and the likeliest of the others where not.</param>
public sealed record ClassThreshold(int Label, double Probability);

/// <summary>What a classifier is beside its weights: the <c>classifier.json</c> of its folder.</summary>
public sealed record ClassifierSettings
{
    /// <summary>The file's name.</summary>
    public const string FileName = "classifier.json";

    private const int MostBytes = 16 << 20;
    private const int MostLabels = 100_000;

    private static readonly JsonWriterOptions Plain = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly Dictionary<Pooling, string> PoolingNames = new()
    {
        [Pooling.LastToken] = "last-token",
        [Pooling.LastPosition] = "last-position",
        [Pooling.Mean] = "mean",
    };

    /// <summary>The name of each class.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary>What the head looks at.</summary>
    public required Pooling Pooling { get; init; }

    /// <summary>The most tokens of a text that are read.</summary>
    public required int MaxLength { get; init; }

    /// <summary>The token of padding.</summary>
    public required int PadId { get; init; }

    /// <summary>Divides the scores, so that probabilities say how often the classifier is right; fitted on the validation part.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The index of the class that is looked for, such as spam, or null where there is none.</summary>
    public int? PositiveClass { get; init; }

    /// <summary>When a class is chosen that need not be the likeliest, or null: the likeliest always is.</summary>
    public ClassThreshold? Threshold { get; init; }

    /// <summary>The names of the ways to pool, as files and the command line have them.</summary>
    public static IEnumerable<string> Poolings => PoolingNames.Values;

    /// <summary>What files and the command line call <paramref name="pooling"/>.</summary>
    public static string NameOf(Pooling pooling) => PoolingNames[pooling];

    /// <summary>The pooling of that name, or null.</summary>
    public static Pooling? ParsePooling(string name) => PoolingNames.FirstOrDefault(pair => pair.Value == name) is { Value: not null } found ? found.Key : null;

    /// <summary>Whether <paramref name="folder"/> has such a file.</summary>
    public static bool ArePresent(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>The probabilities of the classes, from their scores.</summary>
    public double[] Probabilities(ReadOnlySpan<float> logits)
    {
        double[] probabilities = new double[logits.Length];
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        for (int i = 0; i < logits.Length; i++)
        {
            probabilities[i] = Math.Exp((logits[i] - largest) / Temperature);
            sum += probabilities[i];
        }

        for (int i = 0; i < logits.Length; i++)
        {
            probabilities[i] /= sum;
        }

        return probabilities;
    }

    /// <summary>The class that is chosen where the classes have these probabilities.</summary>
    public int Decide(ReadOnlySpan<double> probabilities)
    {
        if (Threshold is { } threshold && probabilities[threshold.Label] >= threshold.Probability)
        {
            return threshold.Label;
        }

        int best = -1;
        for (int i = 0; i < probabilities.Length; i++)
        {
            if (i != Threshold?.Label && (best < 0 || probabilities[i] > probabilities[best]))
            {
                best = i;
            }
        }

        return best;
    }

    /// <summary>Writes the file to <paramref name="folder"/>.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string folder)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteStartArray("labels");
            foreach (string label in Labels)
            {
                json.WriteStringValue(label);
            }

            json.WriteEndArray();
            json.WriteString("pooling", NameOf(Pooling));
            json.WriteNumber("max_length", MaxLength);
            json.WriteNumber("pad_id", PadId);
            json.WriteNumber("temperature", Temperature);
            if (PositiveClass is { } positive)
            {
                json.WriteString("positive_label", Labels[positive]);
            }

            if (Threshold is { } threshold)
            {
                json.WriteString("threshold_label", Labels[threshold.Label]);
                json.WriteNumber("threshold", threshold.Probability);
            }

            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        AtomicFile.Write(Path.Combine(folder, FileName), stream => stream.Write(buffer.WrittenSpan));
    }

    /// <summary>Reads the file of <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidDataException">It is absent, damaged or says something impossible.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ClassifierSettings Read(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new InvalidDataException(Directory.Exists(folder) || File.Exists(folder)
                ? $"'{folder}' is no classifier: it has no {FileName}; make one with quatrain finetune classify."
                : $"There is no folder '{folder}'; {ModelPath.LocalRemedy(folder, "name one that quatrain finetune classify made")}");
        }

        using ConfigFile file = ConfigFile.Open(path, MostBytes);
        string[] labels = file.Texts("labels", MostLabels);
        Require(
            file, labels.Length >= 2 && labels.All(label => label.Length > 0) && labels.Distinct(StringComparer.Ordinal).Count() == labels.Length,
            "labels must be at least two unlike texts, none empty");
        string pooling = file.Text("pooling");
        ClassifierSettings settings = new()
        {
            Labels = labels,
            Pooling = ParsePooling(pooling) ?? throw ConfigFile.Invalid(path, $"pooling is {TensorText.Quote(pooling)}, not {string.Join(" or ", Poolings)}"),
            MaxLength = file.Integer("max_length"),
            PadId = file.Integer("pad_id"),
            Temperature = file.DoubleNumber("temperature", absent: 1),
            PositiveClass = file.IsUnset("positive_label") ? null : IndexOf(file, "positive_label", labels),
            Threshold = file.IsUnset("threshold") ? null : new ClassThreshold(IndexOf(file, "threshold_label", labels), file.DoubleNumber("threshold", absent: 0)),
        };
        Require(file, settings.MaxLength >= 1, "max_length must be at least 1");
        Require(file, settings.PadId >= 0, "pad_id must be at least 0");
        Require(file, settings.Temperature > 0 && double.IsFinite(settings.Temperature), "temperature must be above 0");
        Require(file, settings.Threshold is null or { Probability: >= 0 and < 2 }, "threshold must be between 0 and 1, or a little above for a class that is never chosen");
        return settings;
    }

    /// <summary>The class that <paramref name="name"/> says.</summary>
    private static int IndexOf(ConfigFile file, string name, string[] labels)
    {
        string label = file.Text(name);
        int index = Array.IndexOf(labels, label);
        Require(file, index >= 0, $"{name} is {TensorText.Quote(label)}, which is none of the labels");
        return index;
    }

    private static void Require(ConfigFile file, bool isPossible, string problem)
    {
        if (!isPossible)
        {
            throw ConfigFile.Invalid(file.Path, problem);
        }
    }
}
