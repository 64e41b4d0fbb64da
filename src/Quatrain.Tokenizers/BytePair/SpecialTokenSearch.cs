using System.Buffers;
using System.Text;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Finds special tokens in text: the leftmost, and the longest of those that begin at one place.</summary>
internal sealed class SpecialTokenSearch
{
    private readonly Sought[] _tokens;
    private readonly SearchValues<byte> _first;

    private SpecialTokenSearch(Sought[] tokens)
    {
        _tokens = tokens;
        byte[] first = new byte[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            ReadOnlySpan<byte> text = tokens[i].Text;
            first[i] = text[0];
            MayHoldCuts |= text.Contains((byte)' ') || text.Contains((byte)'\n');
        }

        _first = SearchValues.Create(first);
    }

    /// <summary>Whether a place where text can be cut may lie inside one of the tokens.</summary>
    public bool MayHoldCuts { get; }

    /// <summary>The search that <paramref name="policy"/> asks for; null if it asks for none.</summary>
    /// <exception cref="InvalidDataException">The policy allows a token that there is not.</exception>
    public static SpecialTokenSearch? For(IReadOnlyList<SpecialToken> tokens, SpecialTokenPolicy policy)
    {
        foreach (string name in policy.Allowed)
        {
            RequireToken(tokens, name);
        }

        // The longest first; by hand, since every start comes by here and LINQ over such types is compiled anew each time.
        List<Sought> sought = [];
        foreach (SpecialToken token in tokens)
        {
            bool isAllowed = policy.AllowsAll || policy.Allowed.Contains(token.Text);
            if (isAllowed || policy.RefusesOthers)
            {
                int at = 0;
                while (at < sought.Count && sought[at].Token.Text.Length >= token.Text.Length)
                {
                    at++;
                }

                sought.Insert(at, new Sought(Encoding.UTF8.GetBytes(token.Text), token, isAllowed));
            }
        }

        return sought.Count > 0 ? new SpecialTokenSearch(sought.ToArray()) : null;
    }

    private static void RequireToken(IReadOnlyList<SpecialToken> tokens, string name)
    {
        foreach (SpecialToken token in tokens)
        {
            if (token.Text == name)
            {
                return;
            }
        }

        string there = tokens.Count > 0 ? string.Join(", ", tokens.Take(10).Select(token => token.Text)) : "none";
        throw new InvalidDataException($"The tokenizer has no special token '{name}'; it has {there}.");
    }

    /// <summary>The first token in <paramref name="text"/>; false if there is none.</summary>
    /// <exception cref="InvalidDataException">It is one that the policy refuses.</exception>
    public bool TryFind(ReadOnlySpan<byte> text, out int start, out int length, out int id)
    {
        for (start = 0; start < text.Length; start++)
        {
            int found = text[start..].IndexOfAny(_first);
            if (found < 0)
            {
                break;
            }

            start += found;
            foreach ((byte[] bytes, SpecialToken token, bool isAllowed) in _tokens)
            {
                if (text[start..].StartsWith(bytes))
                {
                    (length, id) = (bytes.Length, token.Id);
                    return isAllowed ? true : throw new InvalidDataException(
                        $"The text holds the special token '{token.Text}', which is not allowed here; remove it, or allow special tokens.");
                }
            }
        }

        (start, length, id) = (0, 0, 0);
        return false;
    }

    private sealed record Sought(byte[] Text, SpecialToken Token, bool IsAllowed);
}
