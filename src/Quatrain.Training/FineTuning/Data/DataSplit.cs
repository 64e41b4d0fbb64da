using Quatrain.Tensors;

namespace Quatrain.Training.FineTuning.Data;

/// <summary>Labeled texts in three parts: to train on, to validate on while training, to test on at the end.</summary>
public sealed class DataSplit
{
    private const ulong StreamLabel = 0x53504C4954; // "SPLIT"

    // Keeps products such as 0.29 * 100 from falling below the whole number they stand for.
    private const double Rounding = 1e-9;

    private DataSplit(LabeledTexts texts, List<int>[][] parts)
    {
        Labels = texts.Labels;
        Training = Examples(texts, parts[0]);
        Validation = Examples(texts, parts[1]);
        Test = Examples(texts, parts[2]);
        TrainingCounts = [.. parts[0].Select(part => part.Count)];
        ValidationCounts = [.. parts[1].Select(part => part.Count)];
        TestCounts = [.. parts[2].Select(part => part.Count)];
        DuplicatesAcrossParts = CountDuplicates(Training, Validation, Test);
    }

    /// <summary>The names of the classes.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>The texts to train on with the numbers of their classes, in the file's order.</summary>
    public IReadOnlyList<(string Text, int Label)> Training { get; }

    /// <summary>The texts to validate on with the numbers of their classes, in the file's order.</summary>
    public IReadOnlyList<(string Text, int Label)> Validation { get; }

    /// <summary>The texts to test on with the numbers of their classes, in the file's order.</summary>
    public IReadOnlyList<(string Text, int Label)> Test { get; }

    /// <summary>How many training texts each class has.</summary>
    public IReadOnlyList<int> TrainingCounts { get; }

    /// <summary>How many validation texts each class has.</summary>
    public IReadOnlyList<int> ValidationCounts { get; }

    /// <summary>How many test texts each class has.</summary>
    public IReadOnlyList<int> TestCounts { get; }

    /// <summary>How many different texts lie in more than one part, not counting white space around them: what is measured on them flatters the model.</summary>
    public int DuplicatesAcrossParts { get; }

    /// <summary>Splits <paramref name="texts"/> at random so that every class has about the same share of each part.</summary>
    /// <remarks>
    /// Over all classes, a part gets its share rounded down, and the last what remains; among the classes, whole examples go by largest remainders, so no class is
    /// off its share by one or more in the first two parts. The same texts, seed and shares give the same parts.
    /// </remarks>
    /// <param name="texts">The texts.</param>
    /// <param name="seed">Decides which example goes where, and which are left out when balancing.</param>
    /// <param name="trainingShare">The share to train on, in (0, 1].</param>
    /// <param name="validationShare">The share to validate on, in [0, 1); the rest is for the test.</param>
    /// <param name="balance">Whether to use of each class only as many examples as the smallest has, drawn by the seed.</param>
    /// <exception cref="InvalidDataException">A class has too few examples to be in each part that has a share.</exception>
    public static DataSplit Stratified(LabeledTexts texts, ulong seed, double trainingShare = 0.7, double validationShare = 0.1, bool balance = false)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (!(trainingShare > 0 && validationShare >= 0 && trainingShare + validationShare <= 1 + Rounding))
        {
            throw new ArgumentOutOfRangeException(nameof(trainingShare), "The shares must be positive and no more than 1 together.");
        }

        double testShare = 1 - trainingShare - validationShare;
        double smallestShare = new[] { trainingShare, validationShare, testShare }.Where(share => share > Rounding).Min();
        List<int>[] classes = Shuffled(texts, seed);
        int needed = (int)Math.Ceiling(1 / smallestShare - Rounding);
        int smallest = Enumerable.Range(0, classes.Length).MinBy(c => classes[c].Count);
        if (classes[smallest].Count < needed)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"Label {TableErrors.Quote(texts.Labels[smallest])} has only {classes[smallest].Count} texts, but each needs {needed} at least to be in every part; ")
                + "add texts of that label or take it out.");
        }

        int[] used = [.. classes.Select(members => balance ? classes[smallest].Count : members.Count)];
        int inValidation = validationShare > Rounding ? 1 : 0;
        int inTest = testShare > Rounding ? 1 : 0;
        int[] training = Apportion(used, trainingShare, [.. used.Select(count => count - inValidation - inTest)]);
        int[] validation = Apportion(used, validationShare, [.. used.Select((count, c) => count - training[c] - inTest)]);
        return new DataSplit(texts,
        [
            [.. classes.Select((members, c) => members[..training[c]])],
            [.. classes.Select((members, c) => members[training[c]..(training[c] + validation[c])])],
            [.. classes.Select((members, c) => members[(training[c] + validation[c])..used[c]])],
        ]);
    }

    // The examples of each class in random order. Each class has a stream of its own, so that one more text in one class leaves the others where they are.
    private static List<int>[] Shuffled(LabeledTexts texts, ulong seed)
    {
        List<int>[] classes = [.. texts.Labels.Select(_ => new List<int>())];
        for (int i = 0; i < texts.Examples.Count; i++)
        {
            classes[texts.ClassOf(texts.Examples[i].Label)].Add(i);
        }

        for (int c = 0; c < classes.Length; c++)
        {
            RandomSource random = new(seed, StreamLabel, (ulong)c);
            for (int i = classes[c].Count - 1; i > 0; i--)
            {
                int other = random.NextInt32(i + 1);
                (classes[c][i], classes[c][other]) = (classes[c][other], classes[c][i]);
            }
        }

        return classes;
    }

    // Each class's share rounded down, and one more for those that lack most until the sum is that of all classes together; no class gets more than its limit,
    // which leaves the other parts one.
    private static int[] Apportion(int[] counts, double share, int[] limits)
    {
        int[] parts = [.. counts.Select(count => (int)(count * share + Rounding))];
        int remaining = (int)(counts.Sum(count => (long)count) * share + Rounding) - parts.Sum();
        IEnumerable<int> open = Enumerable.Range(0, counts.Length).Where(c => parts[c] < limits[c]);
        foreach (int c in open.OrderByDescending(c => counts[c] * share - parts[c]).Take(remaining).ToArray())
        {
            parts[c]++;
        }

        return parts;
    }

    private static (string Text, int Label)[] Examples(LabeledTexts texts, List<int>[] classes) =>
        [.. classes.SelectMany(part => part).Order().Select(i => (texts.Examples[i].Text, texts.ClassOf(texts.Examples[i].Label)))];

    private static int CountDuplicates(params IReadOnlyList<(string Text, int Label)>[] parts)
    {
        Dictionary<string, int> firstPart = new(StringComparer.Ordinal);
        HashSet<string> repeated = new(StringComparer.Ordinal);
        for (int part = 0; part < parts.Length; part++)
        {
            foreach ((string text, _) in parts[part])
            {
                string trimmed = text.Trim();
                if (!firstPart.TryAdd(trimmed, part) && firstPart[trimmed] != part)
                {
                    repeated.Add(trimmed);
                }
            }
        }

        return repeated.Count;
    }
}
