namespace Quatrain.Training.FineTuning.Report;

/// <summary>The labelled texts of a run, and what was done to them.</summary>
/// <param name="FileName">The file they came from.</param>
/// <param name="TextColumn">The column of the texts.</param>
/// <param name="LabelColumn">The column of the classes.</param>
/// <param name="Parts">Training, validation and test part, in this order.</param>
/// <param name="EmptyTexts">The texts left out because they were empty.</param>
/// <param name="TruncatedTexts">The texts of which only a beginning or end is looked at, for they are longer than the model's context.</param>
/// <param name="DuplicatesAcrossParts">The different texts that lie in more than one part.</param>
public sealed record DataSummary(
    string FileName,
    string TextColumn,
    string LabelColumn,
    IReadOnlyList<DataPart> Parts,
    int EmptyTexts = 0,
    int TruncatedTexts = 0,
    int DuplicatesAcrossParts = 0);

/// <summary>One part of the data.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Counts">The texts of each class, by index.</param>
public sealed record DataPart(string Name, IReadOnlyList<int> Counts);
