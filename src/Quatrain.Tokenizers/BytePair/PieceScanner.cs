using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Cuts UTF-8 text into the pieces of GPT-2's pattern. Merges never cross from one piece to the next.</summary>
/// <remarks>
/// The pattern, as OpenAI published it:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// A byte that is no part of a character counts as <see cref="CharacterClass.Other"/>, as the U+FFFD that would replace it does.
/// </remarks>
internal static class PieceScanner
{
    /// <summary>Where the piece that starts at <paramref name="start"/> ends.</summary>
    public static int End(ReadOnlySpan<byte> text, int start)
    {
        byte first = text[start];
        if (first == '\'')
        {
            int contraction = Contraction(text[start..]);
            return contraction > 0 ? start + contraction : EndOfRun(text, start, CharacterClass.Other);
        }

        CharacterClass kind = ClassAt(text, start, out int length);
        if (kind != CharacterClass.Space)
        {
            return EndOfRun(text, start + length, kind);
        }

        int next = start + length;
        if (next == text.Length)
        {
            return next;
        }

        CharacterClass nextKind = ClassAt(text, next, out int nextLength);
        if (nextKind != CharacterClass.Space)
        {
            return first == ' ' ? EndOfRun(text, next + nextLength, nextKind) : next;
        }

        // \s+(?!\S): all of the white space where it ends the text, else all but its last character.
        int last = next;
        for (next += nextLength; next < text.Length && ClassAt(text, next, out nextLength) == CharacterClass.Space; next += nextLength)
        {
            last = next;
        }

        return next == text.Length ? next : last;
    }

    /// <summary>
    /// The last place, not after <paramref name="limit"/>, where <paramref name="text"/> can be cut so that both parts give the pieces that they give
    /// together; 0 where there is none.
    /// </summary>
    /// <remarks>
    /// Such a place lies before white space that follows something else. No alternative of the pattern matches white space after something else, so a
    /// piece ends there; the only look ahead is from white space, and none stands before the cut; and nothing looks back.
    /// </remarks>
    public static int LastCut(ReadOnlySpan<byte> text, int limit)
    {
        for (int at = Math.Min(limit, text.Length - 1); at > 0; at--)
        {
            at = text[..(at + 1)].LastIndexOfAny((byte)' ', (byte)'\n');
            if (at <= 0)
            {
                return 0;
            }

            if (IsCut(text, at))
            {
                return at;
            }
        }

        return 0;
    }

    /// <summary>The first such place after <paramref name="from"/>; the text's end where there is none.</summary>
    public static int FirstCut(ReadOnlySpan<byte> text, int from)
    {
        for (int at = from + 1; at < text.Length; at++)
        {
            int found = text[at..].IndexOfAny((byte)' ', (byte)'\n');
            if (found < 0)
            {
                break;
            }

            at += found;
            if (IsCut(text, at))
            {
                return at;
            }
        }

        return text.Length;
    }

    private static bool IsCut(ReadOnlySpan<byte> text, int at)
    {
        CharacterClass before = CharacterClasses.OfByte[text[at - 1]];
        if (before != CharacterClass.Beyond)
        {
            return before != CharacterClass.Space;
        }

        return Rune.DecodeLastFromUtf8(text[..at], out Rune character, out _) != OperationStatus.Done
            || CharacterClasses.Of(character.Value) != CharacterClass.Space;
    }

    private static int EndOfRun(ReadOnlySpan<byte> text, int at, CharacterClass kind)
    {
        CharacterClass[] classes = CharacterClasses.OfByte;
        while (true)
        {
            while ((uint)at < (uint)text.Length && classes[text[at]] == kind)
            {
                at++;
            }

            if ((uint)at >= (uint)text.Length || classes[text[at]] != CharacterClass.Beyond || Decode(text, at, out int length) != kind)
            {
                return at;
            }

            at += length;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CharacterClass ClassAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        CharacterClass kind = CharacterClasses.OfByte[text[at]];
        if (kind != CharacterClass.Beyond)
        {
            length = 1;
            return kind;
        }

        return Decode(text, at, out length);
    }

    private static CharacterClass Decode(ReadOnlySpan<byte> text, int at, out int length) =>
        Rune.DecodeFromUtf8(text[at..], out Rune character, out length) == OperationStatus.Done ? CharacterClasses.Of(character.Value) : CharacterClass.Other;

    private static int Contraction(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2)
        {
            return 0;
        }

        switch (text[1])
        {
            case (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d':
                return 2;
            case (byte)'r' or (byte)'v':
                return text.Length > 2 && text[2] == 'e' ? 3 : 0;
            case (byte)'l':
                return text.Length > 2 && text[2] == 'l' ? 3 : 0;
            default:
                return 0;
        }
    }
}
