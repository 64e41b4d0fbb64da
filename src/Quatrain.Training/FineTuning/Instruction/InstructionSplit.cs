using Quatrain.Tensors;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>Instruction data in three parts.</summary>
/// <param name="Training">What the model learns from.</param>
/// <param name="Validation">What its loss is measured on while it learns.</param>
/// <param name="Test">What it never sees until the end.</param>
public sealed record InstructionSplit(
    IReadOnlyList<InstructionEntry> Training, IReadOnlyList<InstructionEntry> Validation, IReadOnlyList<InstructionEntry> Test)
{
    /// <summary>Raschka's share of the test part.</summary>
    public const double DefaultTestShare = 0.10;

    /// <summary>Raschka's share of the validation part.</summary>
    public const double DefaultValidationShare = 0.05;

    /// <summary>Splits <paramref name="entries"/>: the training part first, then test, then validation, which is the rest, as the book does (chapter 7).</summary>
    /// <remarks>1,100 entries make 935, 110 and 55 at the defaults. A part with a share has at least one entry.</remarks>
    /// <param name="entries">At least as many as there are parts.</param>
    /// <param name="seed">Decides the order in which they are shared out; null keeps the file's, as the book does.</param>
    /// <param name="validationShare">From 0 to less than 1.</param>
    /// <param name="testShare">From 0 to less than 1; together with the other less than 1.</param>
    /// <exception cref="InvalidDataException">A share is impossible, or there are too few entries.</exception>
    public static InstructionSplit Of(
        IReadOnlyList<InstructionEntry> entries, ulong? seed, double validationShare = DefaultValidationShare, double testShare = DefaultTestShare)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (!(validationShare >= 0 && testShare >= 0 && validationShare + testShare < 1))
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The validation part can't be {validationShare} and the test part {testShare} of the entries; give shares from 0 whose sum is less than 1."));
        }

        int validation = CountOf(validationShare, entries.Count), test = CountOf(testShare, entries.Count);
        int training = entries.Count - validation - test;
        if (training < 1)
        {
            throw new InvalidDataException($"{entries.Count} entries are too few for training, {validation} for validation and {test} for a test; give more, or smaller shares.");
        }

        InstructionEntry[] order = seed is { } value ? Shuffled(entries, value) : [.. entries];
        return new InstructionSplit(order[..training], order[(training + test)..], order[training..(training + test)]);
    }

    private static int CountOf(double share, int count) => share == 0 ? 0 : Math.Max(1, (int)(share * count + 1e-9));

    private static InstructionEntry[] Shuffled(IReadOnlyList<InstructionEntry> entries, ulong seed)
    {
        InstructionEntry[] order = [.. entries];
        RandomSource random = new(seed);
        for (int i = order.Length - 1; i > 0; i--)
        {
            int j = (int)random.NextInt64(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
