namespace Quatrain.Training;

/// <summary>What a run will hold in memory, in bytes, worked out before it is allocated.</summary>
/// <remarks>Not counted: some megabytes a thread in which matrix products lie packed, the runtime, and what is allocated already, such as the text.</remarks>
public abstract record RunMemory
{
    private const double Gibibyte = 1 << 30;

    private protected RunMemory()
    {
    }

    /// <summary>The weights.</summary>
    public abstract long WeightBytes { get; }

    /// <summary>The gradients of those that train.</summary>
    public abstract long GradientBytes { get; }

    /// <summary>AdamW's moments of the same.</summary>
    public abstract long OptimizerBytes { get; }

    /// <summary>What the largest pass forward and back makes on its way.</summary>
    public abstract long ActivationBytes { get; }

    /// <summary>What evaluations between steps hold on to, where the run has any.</summary>
    public long EvaluationBytes { get; private protected init; }

    /// <summary>All of it.</summary>
    public abstract long TotalBytes { get; }

    /// <summary>What stays from the first step to the last, whatever the size of batches.</summary>
    private protected virtual long LastingBytes => WeightBytes + GradientBytes + OptimizerBytes;

    /// <summary>Checks that there is that much memory.</summary>
    /// <exception cref="InvalidDataException">There is not; the message has what is needed, what there is, and what to change.</exception>
    public void CheckFits(long availableBytes)
    {
        if (TotalBytes > availableBytes)
        {
            throw new InvalidDataException(
                $"{Work} needs {Gigabytes(TotalBytes)} of memory ({Parts}), and {Gigabytes(availableBytes)} are available; choose {Change(availableBytes)}.");
        }
    }

    /// <summary>The forecast beside what there is, for people: <c>2.1 GB of 22.0 GB</c>; a gigabyte is 2^30 bytes.</summary>
    public string Describe(long availableBytes) => $"{Gigabytes(TotalBytes)} of {Gigabytes(availableBytes)}";

    /// <summary>What the run does, at the beginning of a sentence.</summary>
    private protected abstract string Work { get; }

    /// <summary>What takes the memory.</summary>
    private protected abstract string Parts { get; }

    /// <summary>What would take less, where there are so many bytes.</summary>
    private protected abstract string Change(long availableBytes);

    private protected static string Gigabytes(long bytes) => FormattableString.Invariant($"{bytes / Gibibyte:N1} GB");
}
