namespace Quatrain.Training.FineTuning.Data;

/// <summary>Texts with labels, and how they were found.</summary>
public sealed class LabeledTexts
{
    private readonly Dictionary<string, int> _classes = new(StringComparer.Ordinal);

    /// <summary>Texts with their labels, whose classes are the distinct labels in ordinal order.</summary>
    /// <param name="examples">The texts with their labels.</param>
    /// <exception cref="ArgumentException">There are none.</exception>
    public LabeledTexts(IReadOnlyList<LabeledText> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentOutOfRangeException.ThrowIfZero(examples.Count);
        Examples = examples;
        // The order of the labels must not depend on that of the rows.
        Labels = [.. examples.Select(example => example.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        for (int i = 0; i < Labels.Count; i++)
        {
            _classes.Add(Labels[i], i);
        }

        int[] counts = new int[Labels.Count];
        foreach (LabeledText example in examples)
        {
            counts[_classes[example.Label]]++;
        }

        ClassCounts = counts;
    }

    /// <summary>The texts with their labels, in the file's order, without those that were empty.</summary>
    public IReadOnlyList<LabeledText> Examples { get; }

    /// <summary>The names of the classes in ordinal order; a class's index here is its number.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>How many examples each class has.</summary>
    public IReadOnlyList<int> ClassCounts { get; }

    /// <summary>How many rows were left out because their text was empty or white space.</summary>
    public int EmptyTexts { get; init; }

    /// <summary>The line of the first row that was left out; 0 where there was none.</summary>
    public long FirstEmptyTextLine { get; init; }

    /// <summary>The file's format.</summary>
    public TableFormat Format { get; init; }

    /// <summary>Whether the first row was taken for the columns' names.</summary>
    public bool HasHeader { get; init; }

    /// <summary>The name of the texts' column or JSON field, or its number from 1; as an option it means the same column again.</summary>
    public string TextColumnName { get; init; } = "";

    /// <summary>The name of the labels' column or JSON field, or its number from 1; as an option it means the same column again.</summary>
    public string LabelColumnName { get; init; } = "";

    /// <summary>What a message calls an example of the file at <paramref name="path"/>, at the beginning of a sentence.</summary>
    public string Where(string path, int example) => TableErrors.TextOn(path, Examples[example].Line);

    /// <summary>The number of the class called <paramref name="label"/>, or -1.</summary>
    public int ClassOf(string label) => _classes.GetValueOrDefault(label, -1);

    /// <summary>Every text with the number of its label among <paramref name="known"/>, the classes of a model that has been trained.</summary>
    /// <exception cref="InvalidDataException">A label is not known; the message names its line.</exception>
    public IReadOnlyList<(string Text, int Label)> NumberedBy(IReadOnlyList<string> known)
    {
        ArgumentNullException.ThrowIfNull(known);
        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        for (int i = 0; i < known.Count; i++)
        {
            numbers.Add(known[i], i);
        }

        return [.. Examples.Select(example => (example.Text, numbers.TryGetValue(example.Label, out int number)
            ? number
            : throw new InvalidDataException(FormattableString.Invariant($"The label {TableErrors.Quote(example.Label)} on line {example.Line} ")
                + $"is not one of the model's, which are {TableErrors.List(known)}; correct the label, or train with it.")))];
    }
}
