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

    /// <summary>The bytes that forward, loss and backward of a batch take, where all of the model is trained to foretell the next token.</summary>
    public long Train() => Train(new Gpt2Part { FrozenStages = 0, Outputs = config.VocabularySize });

    /// <summary>The bytes that forward, loss and backward of a batch take, where <paramref name="part"/> of the model is trained.</summary>
    public long Train(in Gpt2Part part)
    {
        // A branch with dropout keeps its result, the thinned result and their sum; without, all is one pass.
        int branch = _dropout ? 3 : 1;
        bool hasGradientBelow = part.FrozenStages == 0;
        Gpt2Widths end = part.Rows is { } count ? new Gpt2Widths(config, count, 1) : _w;
        Take(_w.Narrow);
        if (hasGradientBelow)
        {
            Take(_w.PerRow);
            TakeMany(_embeddingDropouts, _w.Narrow);
        }

        for (int layer = part.FrozenStages; layer < config.LayerCount; layer++)
        {
            Take(_w.Narrow, _w.PerRow, _w.PerRow);
            Take(_w.QueriesKeysValues, _w.Narrow, _w.AttentionLogSums);
            bool selects = part.Rows is not null && layer == config.LayerCount - 1;
            if (selects)
            {
                SelectForward(end, wantsGradient: layer > part.FrozenStages || hasGradientBelow);
                SelectForward(end, wantsGradient: true);
            }

            Gpt2Widths w = selects ? end : _w;
            TakeMany(branch, w.Narrow);
            Take(w.Narrow, w.PerRow, w.PerRow);
            Take(w.Wide, w.Wide);
            TakeMany(branch, w.Narrow);
        }

        bool normIsTrained = part.FrozenStages <= config.LayerCount;
        if (part.Rows is not null && part.FrozenStages >= config.LayerCount)
        {
            SelectForward(end, wantsGradient: false);
        }

        if (normIsTrained)
        {
            Take(end.Narrow, end.PerRow, end.PerRow);
        }

        Gpt2Widths read = end;
        if (part.Sequences is { } sequences)
        {
            read = new Gpt2Widths(config, sequences, 1);
            SelectForward(read, wantsGradient: normIsTrained);
        }

        long scalar = Tape.BytesFor(1), outputs = Tape.BytesFor((long)read.Rows * part.Outputs);
        Take(outputs, scalar, read.PerRow, read.PerRow, read.PerRow);
        Give(read.PerRow);

        // The loss, whose value stays; the logits become their own gradient.
        Take(scalar);
        Give(read.PerRow, read.PerRow, scalar);
        if (!normIsTrained)
        {
            return _bytes;
        }

        Take(read.Narrow);
        Give(outputs);
        if (part.Sequences is not null)
        {
            SelectBack(read);
        }

        // The residual stream's gradient; each block hands it on in place.
        if (part.FrozenStages < config.LayerCount)
        {
            Take(end.Narrow);
        }

        NormBack(end);
        for (int layer = config.LayerCount - 1; layer >= part.FrozenStages; layer--)
        {
            bool selects = part.Rows is not null && layer == config.LayerCount - 1;
            bool goesOn = layer > part.FrozenStages || hasGradientBelow;
            Gpt2Widths w = selects ? end : _w;
            BranchBack(w, w.Wide);
            Give(w.Wide);
            Take(w.Narrow);
            Give(w.Wide, w.Wide);
            NormBack(w);
            BranchBack(w, w.Narrow, goesOn);
            if (selects)
            {
                SelectBack(end);
                if (goesOn)
                {
                    SelectBack(end);
                }
            }

            Take(_w.QueriesKeysValues);
            Give(_w.AttentionLogSums, _w.Narrow, _w.Narrow);
            Take(_w.Narrow);
            Give(_w.QueriesKeysValues, _w.QueriesKeysValues);
            NormBack(_w);
        }

        TakeMany(hasGradientBelow ? _embeddingDropouts : 0, _w.Narrow);
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
        Pass(new Gpt2Part { FrozenStages = 0, Outputs = config.VocabularySize }, keepsInput: false);
        Take(Tape.BytesFor(1), _w.PerRow, _w.PerRow, _w.PerRow);
        return _bytes;
    }

    /// <summary>The bytes that a pass for what the head of <paramref name="part"/> says takes, without a way back; the input of the model's first block is the caller's and stays.</summary>
    public long Evaluate(in Gpt2Part part)
    {
        Take(Pass(part, keepsInput: true).PerRow);
        return _bytes;
    }

    /// <returns>The widths of what the head reads.</returns>
    private Gpt2Widths Pass(in Gpt2Part part, bool keepsInput)
    {
        Gpt2Widths end = part.Rows is { } count ? new Gpt2Widths(config, count, 1) : _w;
        Take(_w.Narrow, _w.PerRow);
        Give(_w.PerRow);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            bool selects = part.Rows is not null && layer == config.LayerCount - 1;
            Gpt2Widths w = selects ? end : _w;
            NormForDecoding(_w);
            Take(_w.QueriesKeysValues, _w.Narrow);
            TakeMany(selects ? 2 : 0, w.Narrow);
            EndBlock(w);
            // All but the block's result.
            Give(w.Wide, w.Narrow, w.Narrow, _w.QueriesKeysValues, _w.Narrow, _w.Narrow);
            GiveMany(selects ? 2 : 0, w.Narrow);
            GiveMany(layer > 0 || !keepsInput ? 1 : 0, _w.Narrow);
        }

        NormForDecoding(end);
        if (part.Sequences is { } sequences)
        {
            end = new Gpt2Widths(config, sequences, 1);
            Take(end.Narrow);
        }

        Take(Tape.BytesFor((long)end.Rows * part.Outputs));
        return end;
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

    /// <summary>Some rows of a tensor, and which.</summary>
    private void SelectForward(in Gpt2Widths rows, bool wantsGradient)
    {
        Take(rows.Narrow);
        TakeMany(wantsGradient ? 1 : 0, rows.PerRow);
    }

    /// <summary>The gradient of what some rows, or their means, were taken from.</summary>
    private void SelectBack(in Gpt2Widths rows)
    {
        Take(_w.Narrow);
        Give(rows.PerRow, rows.Narrow, rows.Narrow);
    }

    /// <summary>The branch's last linear layer and what it adds to, as far as the gradient of its input, <paramref name="input"/> bytes.</summary>
    /// <param name="w">The widths of the branch.</param>
    /// <param name="input">The bytes of its input.</param>
    /// <param name="handsOn">Whether the gradient goes on to what the branch is added to, in place.</param>
    private void BranchBack(in Gpt2Widths w, long input, bool handsOn = true)
    {
        if (_dropout)
        {
            Take(w.Narrow);
            Give(w.Narrow);
            GiveMany(handsOn ? 0 : 1, w.Narrow);
            Take(w.Narrow);
            Give(w.Narrow, w.Narrow);
        }

        Take(input);
        Give(w.Narrow);
        if (_dropout || !handsOn)
        {
            Give(w.Narrow);
        }
    }

    /// <summary>A layer norm whose input's gradient is there already, or not wanted.</summary>
    private void NormBack(in Gpt2Widths w)
    {
        Take(w.NormWorkspace);
        Give(w.NormWorkspace, w.PerRow, w.PerRow, w.Narrow, w.Narrow);
    }

    private void TakeMany(int count, long bytes)
    {
        for (int i = 0; i < count; i++)
        {
            Take(bytes);
        }
    }

    private void GiveMany(int count, long bytes)
    {
        for (int i = 0; i < count; i++)
        {
            Give(bytes);
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
