using System.Runtime.InteropServices;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2;

/// <summary>
/// Goes through a step as the tape does, with sizes in place of tensors: what is given back goes to the next that takes just as many bytes.
/// </summary>
internal sealed class Gpt2StepMemory(Gpt2Config config, Gpt2Widths widths)
{
    private readonly Dictionary<long, int> _free = [];
    private readonly Gpt2Widths _w = widths;
    private readonly bool _dropout = config.ResidualDropout > 0;
    private readonly int _embeddingDropouts = config.EmbeddingDropout > 0 ? 1 : 0;

    private long _bytes;

    /// <summary>The bytes that forward, loss and backward of a batch take.</summary>
    public long Train()
    {
        // A branch with dropout keeps its result, the thinned result and their sum; without, all is one pass.
        int branch = _dropout ? 3 : 1;
        Take(_w.Narrow, _w.PerRow);
        TakeMany(_embeddingDropouts, _w.Narrow);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            Take(_w.Narrow, _w.PerRow, _w.PerRow);
            Take(_w.QueriesKeysValues, _w.Narrow, _w.AttentionLogSums);
            TakeMany(branch, _w.Narrow);
            Take(_w.Narrow, _w.PerRow, _w.PerRow);
            Take(_w.Wide, _w.Wide);
            TakeMany(branch, _w.Narrow);
        }

        Take(_w.Narrow, _w.PerRow, _w.PerRow);
        long scalar = Tape.BytesFor(1);
        Take(_w.Logits, scalar, _w.PerRow, _w.PerRow, _w.PerRow);
        Give(_w.PerRow);

        // The loss, whose value stays; the logits become their own gradient.
        Take(scalar);
        Give(_w.PerRow, _w.PerRow, scalar);
        Take(_w.Narrow);
        Give(_w.Logits);
        // The residual stream's gradient; each block hands it on in place.
        Take(_w.Narrow);
        NormBack();
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            BranchBack(_w.Wide);
            Give(_w.Wide);
            Take(_w.Narrow);
            Give(_w.Wide, _w.Wide);
            NormBack();
            BranchBack(_w.Narrow);
            Take(_w.QueriesKeysValues);
            Give(_w.AttentionLogSums, _w.Narrow, _w.Narrow);
            Take(_w.Narrow);
            Give(_w.QueriesKeysValues, _w.QueriesKeysValues);
            NormBack();
        }

        TakeMany(_embeddingDropouts, _w.Narrow);
        return _bytes;
    }

    /// <summary>The bytes that a pass for the last logits of <paramref name="batchSize"/> sequences takes, without a way back.</summary>
    public long Decode(int batchSize)
    {
        long positions = Tape.BytesFor(batchSize), caches = Tape.BytesFor(CausalAttentionOp.CachedListSize(batchSize));
        bool selects = batchSize < _w.Rows;
        Take(_w.Narrow, _w.PerRow, positions);
        Give(_w.PerRow, positions);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            NormForDecoding(_w);
            Take(_w.QueriesKeysValues, _w.Narrow, caches);
            Give(caches);
            if (selects && layer == config.LayerCount - 1)
            {
                // What the block's last row of each sequence is made of; the rest goes no further.
                Gpt2Widths last = new(config, batchSize, 1);
                Take(last.Narrow, last.Narrow);
                EndBlock(last);
                Give(_w.QueriesKeysValues, _w.Narrow, _w.Narrow, _w.Narrow, last.Wide, last.Narrow, last.Narrow, last.Narrow, last.Narrow);
                break;
            }

            EndBlock(_w);
            // All but the block's result, and its input.
            Give(_w.Wide, _w.QueriesKeysValues, _w.Narrow, _w.Narrow, _w.Narrow, _w.Narrow, _w.Narrow);
        }

        NormForDecoding(new Gpt2Widths(config, batchSize, 1));
        Take(Tape.BytesFor((long)batchSize * config.VocabularySize));
        return _bytes;
    }

    /// <summary>The bytes that a pass for the loss of all tokens takes, without a way back and without caches.</summary>
    public long Evaluate()
    {
        Take(_w.Narrow, _w.PerRow);
        Give(_w.PerRow);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            NormForDecoding(_w);
            Take(_w.QueriesKeysValues, _w.Narrow);
            EndBlock(_w);
            Give(_w.Wide, _w.QueriesKeysValues, _w.Narrow, _w.Narrow, _w.Narrow, _w.Narrow, _w.Narrow);
        }

        NormForDecoding(_w);
        Take(_w.Logits, Tape.BytesFor(1), _w.PerRow, _w.PerRow, _w.PerRow);
        return _bytes;
    }

    private void NormForDecoding(in Gpt2Widths w)
    {
        Take(w.Narrow, w.PerRow, w.PerRow);
        Give(w.PerRow, w.PerRow);
    }

    /// <summary>A block's work after attention has gathered, without a way back.</summary>
    private void EndBlock(in Gpt2Widths w)
    {
        Take(w.Narrow);
        NormForDecoding(w);
        Take(w.Wide, w.Narrow);
    }

    /// <summary>The branch's last linear layer and what it adds to, as far as the gradient of its input, <paramref name="input"/> bytes.</summary>
    private void BranchBack(long input)
    {
        if (_dropout)
        {
            Take(_w.Narrow);
            Give(_w.Narrow);
            Take(_w.Narrow);
            Give(_w.Narrow, _w.Narrow);
        }

        Take(input);
        Give(_w.Narrow);
        if (_dropout)
        {
            Give(_w.Narrow);
        }
    }

    /// <summary>A layer norm whose input's gradient is there already.</summary>
    private void NormBack()
    {
        Take(_w.NormWorkspace);
        Give(_w.NormWorkspace, _w.PerRow, _w.PerRow, _w.Narrow, _w.Narrow);
    }

    private void TakeMany(int count, long bytes)
    {
        for (int i = 0; i < count; i++)
        {
            Take(bytes);
        }
    }

    private void Take(params ReadOnlySpan<long> sizes)
    {
        foreach (long bytes in sizes)
        {
            ref int free = ref CollectionsMarshal.GetValueRefOrAddDefault(_free, bytes, out _);
            if (free > 0)
            {
                free--;
            }
            else
            {
                _bytes += bytes;
            }
        }
    }

    private void Give(params ReadOnlySpan<long> sizes)
    {
        foreach (long bytes in sizes)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_free, bytes, out _)++;
        }
    }
}
