using System.Text;
using Quatrain.Tokenizers;

namespace Quatrain.Inference;

/// <summary>Turns a sequence's ids into text and watches for stop texts.</summary>
internal sealed class TextReceiver(ITokenizer tokenizer, IReadOnlyList<string> stops, Action<string>? show)
{
    private readonly TokenStreamDecoder _decoder = new(tokenizer);
    private readonly StopMatcher _matcher = new(stops);
    private readonly StringBuilder _text = new();
    private bool _stopped;

    /// <summary>Takes an id; false once a stop text is complete.</summary>
    public bool Add(int id)
    {
        _stopped = _matcher.Append(_decoder.Append(id), out string certain);
        Emit(certain);
        return !_stopped;
    }

    /// <summary>The whole text, after what was held back in case it began a stop text.</summary>
    public string Finish()
    {
        if (!_stopped)
        {
            _stopped = _matcher.Append(_decoder.Flush(), out string certain);
            Emit(certain);
            Emit(_stopped ? "" : _matcher.Flush());
        }

        return _text.ToString();
    }

    private void Emit(string piece)
    {
        if (piece.Length > 0)
        {
            _text.Append(piece);
            show?.Invoke(piece);
        }
    }
}
