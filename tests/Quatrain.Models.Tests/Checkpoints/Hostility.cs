using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>Damages files and sees that a reader survives it: what it throws is meant for people, and it takes little memory.</summary>
internal static class Hostility
{
    /// <summary>Runs a reader; false where it refused. Any other exception fails the test, and so does more memory than given.</summary>
    public static bool Survives(byte[] content, long mostBytes, Action read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool accepted = false;
        try
        {
            read();
            accepted = true;
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            error.Message.ShouldEndWith(".");
            error.Message.ShouldNotContain("\n");
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{error.GetType()} for {Convert.ToHexString(content.AsSpan(0, Math.Min(content.Length, 4000)))}", error);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(mostBytes);
        return accepted;
    }

    /// <summary>One to three edits: bytes flipped, replaced, left out, put in, doubled, or the rest cut off.</summary>
    public static byte[] Damage(byte[] valid, Random random)
    {
        List<byte> bytes = [.. valid];
        int edits = random.Next(1, 4);
        for (int edit = 0; edit < edits && bytes.Count > 0; edit++)
        {
            int at = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 24), bytes.Count - at);
            switch (random.Next(10))
            {
                case 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                    break;
                case 3:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 4:
                    bytes[at] = (byte)(random.Next(2) == 0 ? 0xFF : 0x7F);
                    break;
                case 5 or 6:
                    bytes[at] = (byte)random.Next(256);
                    break;
                default:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Reads every tensor of floats whole, as a loader would.</summary>
    public static void ReadAll(ITensorFile file)
    {
        foreach (TensorEntry entry in file.Entries)
        {
            file.Locate(entry);
            if (entry.IsReadableAsFloats)
            {
                file.ReadFloatRange(entry, 0, new float[entry.ElementCount]);
            }
        }
    }
}
