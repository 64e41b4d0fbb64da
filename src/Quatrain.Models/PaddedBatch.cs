namespace Quatrain.Models;

/// <summary>Sequences of unlike lengths side by side, padded on the right to the longest. Attention looks back only, so padding changes no token's result.</summary>
public sealed class PaddedBatch
{
    /// <summary>A batch of <paramref name="sequences"/>.</summary>
    /// <param name="sequences">The token ids of each; none empty.</param>
    /// <param name="padId">What stands after the end of the shorter ones.</param>
    /// <exception cref="ArgumentException">There is no sequence, or one is empty.</exception>
    public PaddedBatch(IReadOnlyList<int[]> sequences, int padId)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        Lengths = [.. sequences.Select(sequence => sequence.Length)];
        if (Lengths.Length == 0 || Lengths.Contains(0))
        {
            throw new ArgumentException("A batch needs sequences of at least one token.", nameof(sequences));
        }

        Length = Lengths.Max();
        Tokens = new int[BatchSize * Length];
        Tokens.AsSpan().Fill(padId);
        for (int b = 0; b < BatchSize; b++)
        {
            sequences[b].CopyTo(Tokens, b * Length);
        }
    }

    /// <summary>B.</summary>
    public int BatchSize => Lengths.Length;

    /// <summary>T, the length of the longest.</summary>
    public int Length { get; }

    /// <summary>B T ids, a sequence after the other.</summary>
    public int[] Tokens { get; }

    /// <summary>The tokens of each sequence, padding not counted.</summary>
    public int[] Lengths { get; }

    /// <summary>The row of each sequence's last token: position t of sequence b is row b T + t.</summary>
    public int[] LastRows => [.. Lengths.Select((length, b) => b * Length + length - 1)];
}
