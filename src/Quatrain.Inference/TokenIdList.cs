using System.Globalization;

namespace Quatrain.Inference;

/// <summary>Reads token ids written by people, as in <c>1, 2, 3</c>.</summary>
public static class TokenIdList
{
    /// <summary>The ids in <paramref name="text"/>, separated by commas; spaces around an id are allowed.</summary>
    /// <exception cref="InvalidDataException">
    /// There are no ids, or one is missing, no whole number, negative, or outside the vocabulary; the message names it.
    /// </exception>
    public static int[] Parse(string text, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new InvalidDataException("The list of token ids is empty; give at least one, as in 1,2,3.");
        }

        List<int> ids = [];
        foreach (Range range in text.AsSpan().Split(','))
        {
            ids.Add(ParseId(text.AsSpan(range).Trim(), ids.Count + 1, vocabularySize));
        }

        return [.. ids];
    }

    private static int ParseId(ReadOnlySpan<char> text, int number, int vocabularySize)
    {
        if (text.IsEmpty)
        {
            throw new InvalidDataException($"Token id {number} of the list is missing; write whole numbers with commas between, as in 1,2,3.");
        }

        bool isNegative = text[0] == '-';
        ReadOnlySpan<char> digits = isNegative ? text[1..] : text;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9'))
        {
            throw new InvalidDataException(
                $"Token id {number} of the list, '{Shorten(text)}', is not a whole number; write them with commas between, as in 1,2,3.");
        }

        if (isNegative)
        {
            throw new InvalidDataException($"Token id {number} of the list, {Shorten(text)}, is negative; ids start at 0.");
        }

        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < vocabularySize
            ? id
            : throw new InvalidDataException(
                $"Token id {number} of the list, {Shorten(text)}, is outside the model's vocabulary of {vocabularySize} tokens " +
                $"(ids 0 to {vocabularySize - 1}).");
    }

    private static string Shorten(ReadOnlySpan<char> text) => text.Length <= 40 ? text.ToString() : $"{text[..40]}...";
}
