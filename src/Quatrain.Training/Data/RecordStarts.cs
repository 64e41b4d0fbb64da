namespace Quatrain.Training.Data;

/// <summary>Finds where the records of a text begin.</summary>
public static class RecordStarts
{
    /// <summary>The character offsets, ascending, at which a record starts: 0, and the first character after each run of blank lines.</summary>
    /// <remarks>A record holds the line ends that follow it, and the first record those that begin the text. An empty text has no records.</remarks>
    public static int[] AfterBlankLines(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
        {
            return [];
        }

        List<int> starts = [0];
        int lineEnds = 0;
        bool isInRecord = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\n')
            {
                lineEnds++;
            }
            else if (text[i] != '\r')
            {
                if (isInRecord && lineEnds >= 2)
                {
                    starts.Add(i);
                }

                isInRecord = true;
                lineEnds = 0;
            }
        }

        return [.. starts];
    }

    /// <summary>Where a window that begins with the record at <paramref name="recordStart"/> starts: at the token before it, if there is one.</summary>
    internal static int WindowStart(int recordStart) => Math.Max(0, recordStart - 1);

    /// <summary>The number of starts below <paramref name="limit"/>.</summary>
    internal static int CountBelow(int[] starts, int limit)
    {
        int found = Array.BinarySearch(starts, limit);
        return found >= 0 ? found : ~found;
    }

    /// <summary>The first start at or after <paramref name="position"/>, else the last one; the position itself where the only start is 0.</summary>
    internal static int Nearest(int[] starts, int position)
    {
        int next = CountBelow(starts, position);
        int chosen = next < starts.Length ? starts[next] : starts.Length > 0 ? starts[^1] : 0;
        return chosen > 0 ? chosen : position;
    }

    /// <exception cref="ArgumentException">The starts do not begin with 0, ascend and stay below <paramref name="length"/>.</exception>
    internal static void Check(int[]? starts, int length)
    {
        if (starts is null || (starts.Length == 0 && length == 0))
        {
            return;
        }

        bool ascending = starts.Length > 0 && starts[0] == 0 && starts[^1] < length;
        for (int i = 1; ascending && i < starts.Length; i++)
        {
            ascending = starts[i] > starts[i - 1];
        }

        if (!ascending)
        {
            throw new ArgumentException("Record starts must begin with 0, ascend, and end before the ids do.", nameof(starts));
        }
    }
}
