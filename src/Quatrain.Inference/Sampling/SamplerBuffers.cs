namespace Quatrain.Inference.Sampling;

/// <summary>The memory that a draw works in. Samplers of one thread can share it.</summary>
internal sealed class SamplerBuffers
{
    /// <summary>The logits after the repetition penalty.</summary>
    public float[] Scores { get; private set; } = [];

    /// <summary>Probabilities relative to the greatest.</summary>
    public double[] Weights { get; private set; } = [];

    /// <summary>Tokens and their scores as numbers that can be sorted.</summary>
    public ulong[] Candidates { get; private set; } = [];

    /// <summary>Makes room for a vocabulary of that size.</summary>
    public void Reserve(int vocabularySize)
    {
        if (Scores.Length < vocabularySize)
        {
            Scores = new float[vocabularySize];
            Weights = new double[vocabularySize];
            Candidates = new ulong[vocabularySize];
        }
    }
}
