using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Where the rows of a batch of heads lie: element (b, t, h, d) at Data[b * BatchStride + t * RowStride + h * headSize + d].</summary>
internal readonly unsafe struct HeadRows(float* data, long batchStride, long rowStride)
{
    public readonly float* Data = data;
    public readonly long BatchStride = batchStride;
    public readonly long RowStride = rowStride;

    /// <summary>The first row of head <paramref name="head"/> in sequence <paramref name="batch"/>.</summary>
    public float* Head(int batch, int head, int headSize) => Data is null ? null : Data + batch * BatchStride + (long)head * headSize;
}

/// <summary>Where the keys and values of a sequence lie that has a cache: those of head h from Keys + h * HeadStride on, row after row of D.</summary>
internal unsafe struct CachedSequence
{
    public float* Keys, Values;
    public long HeadStride;
    public int KeyCount;
}

/// <summary>The sizes of an attention.</summary>
/// <param name="BatchSize">B.</param>
/// <param name="HeadCount">H.</param>
/// <param name="HeadSize">D.</param>
/// <param name="QueryCount">Tq: the rows of q, the last positions of the sequence.</param>
/// <param name="KeyCount">Tk: the rows of k and v; at least Tq, more where earlier ones come from a cache, and of several sequences the most.</param>
internal readonly record struct AttentionSizes(int BatchSize, int HeadCount, int HeadSize, int QueryCount, int KeyCount)
{
    /// <summary>1 / sqrt(D).</summary>
    public float Scale => 1 / MathF.Sqrt(HeadSize);
}

/// <summary>
/// Causal scaled dot-product attention: y[i] = sum over t &lt;= i of dropout(softmax over t of (q[i] . k[t] / sqrt(D))) v[t], each head by itself.
/// </summary>
/// <remarks>
/// A head is worked through in blocks of as many queries as a tile has columns (32 with AVX-512): the scores of one block lie in a worker's
/// scratch memory, keys by queries, and nothing of size T x T is ever kept. With queries in the lanes the softmax is vertical: no sums across lanes.
/// Only a block's queries (and dy) are transposed; all other rows are read where they lie, and what comes out goes straight to its place.
/// Only the log of each query's softmax sum is kept, from which the backward pass makes the probabilities again
/// (Dao et al., "FlashAttention", 2022, sections 3.1 and B).
/// </remarks>
internal static partial class CausalAttentionKernel
{
    /// <summary>
    /// y and logSums[B, H, Tq] are overwritten.
    /// </summary>
    /// <param name="q">[B, Tq, H, D].</param>
    /// <param name="k">[B, Tk, H, D].</param>
    /// <param name="v">[B, Tk, H, D].</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="dropout">On the probabilities.</param>
    /// <param name="y">[B, Tq, H, D].</param>
    /// <param name="logSums">[B, H, Tq], or null where no backward pass follows.</param>
    /// <param name="pool">The workers; a unit of work is one head of one sequence, or a part of its query blocks where there are few heads.</param>
    public static unsafe void Forward(
        HeadRows q, HeadRows k, HeadRows v, in AttentionSizes sizes, Dropout dropout, HeadRows y, float* logSums, WorkerPool pool)
    {
        pool.ReserveScratch(ForwardWork.ScratchSize(sizes));
        int parts = ForwardWork.PartsFor(sizes, pool.Threads);
        pool.Run(
            new ForwardWork { Q = q, K = k, V = v, Sizes = sizes, Dropout = dropout, Y = y, LogSums = logSums, Parts = parts, Scratch = pool.ScratchTable },
            sizes.BatchSize * sizes.HeadCount * parts);
    }

    /// <summary>
    /// y is overwritten, from keys and values that lie in caches and may be more for one sequence than for another.
    /// </summary>
    /// <param name="q">[B, Tq, H, D], the last positions of each sequence.</param>
    /// <param name="cached">The keys and values of each of B sequences, those of q's positions included.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="y">[B, Tq, H, D].</param>
    /// <param name="pool">The workers; units are as above.</param>
    public static unsafe void ForwardCached(HeadRows q, CachedSequence* cached, in AttentionSizes sizes, HeadRows y, WorkerPool pool)
    {
        if (sizes.QueryCount == 1)
        {
            pool.ReserveScratch(OneQueryWork.ScratchSize(sizes));
            pool.Run(new OneQueryWork { Q = q, Cached = cached, Sizes = sizes, Y = y, Scratch = pool.ScratchTable }, sizes.BatchSize * sizes.HeadCount);
            return;
        }

        pool.ReserveScratch(ForwardWork.ScratchSize(sizes));
        int parts = ForwardWork.PartsFor(sizes, pool.Threads);
        pool.Run(
            new ForwardWork { Q = q, Cached = cached, Sizes = sizes, Dropout = Dropout.None, Y = y, Parts = parts, Scratch = pool.ScratchTable },
            sizes.BatchSize * sizes.HeadCount * parts);
    }

    /// <summary>
    /// From dy: dq, dk and dv, each overwritten or added to. Sizes with as many keys as queries only.
    /// </summary>
    /// <param name="q">[B, T, H, D].</param>
    /// <param name="k">[B, T, H, D].</param>
    /// <param name="v">[B, T, H, D].</param>
    /// <param name="y">The forward pass's result [B, T, H, D].</param>
    /// <param name="logSums">The forward pass's [B, H, T].</param>
    /// <param name="yGrad">[B, T, H, D].</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="dropout">The same as forward.</param>
    /// <param name="qGrad">[B, T, H, D].</param>
    /// <param name="kGrad">[B, T, H, D].</param>
    /// <param name="vGrad">[B, T, H, D].</param>
    /// <param name="accumulate">Add to the gradients instead of overwriting them.</param>
    /// <param name="pool">The workers.</param>
    public static unsafe void Backward(
        HeadRows q, HeadRows k, HeadRows v, HeadRows y, float* logSums, HeadRows yGrad, in AttentionSizes sizes, Dropout dropout,
        HeadRows qGrad, HeadRows kGrad, HeadRows vGrad, bool accumulate, WorkerPool pool)
    {
        pool.ReserveScratch(BackwardWork.ScratchSize(sizes));
        int parts = BackwardWork.PartsFor(sizes, pool.Threads);
        pool.Run(
            new BackwardWork
            {
                Q = q,
                K = k,
                V = v,
                Y = y,
                LogSums = logSums,
                YGrad = yGrad,
                Sizes = sizes,
                Dropout = dropout,
                QGrad = qGrad,
                KGrad = kGrad,
                VGrad = vGrad,
                Accumulate = accumulate,
                Parts = parts,
                Scratch = pool.ScratchTable,
            },
            sizes.BatchSize * sizes.HeadCount * BackwardWork.UnitsFor(parts));
    }
}
