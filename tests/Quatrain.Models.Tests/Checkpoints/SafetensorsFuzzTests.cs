using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>Random damage to a valid file either leaves it readable or is refused as bad data, with little memory in either case.</summary>
public sealed class SafetensorsFuzzTests : IDisposable
{
    private const long MostAllocatedBytes = 2_000_000;
    private static readonly string[] Numbers =
    [
        "-1", "0", "1", "2", "4", "24", "28", "32", "9223372036854775807", "9223372036854775808", "4294967296", "1e9", "1.5", "-0", "00",
    ];

    private static readonly string[] Strings =
    [
        "\"\"", "\"F64\"", "\"F32\"", "\"BF16\"", "\"F16\"", "\"I32\"", "\"I8\"", "\"\\ud800\"", "\"__metadata__\"", "\"a\"", "\"w\"", "\"\\u0061\"",
        "\"shape\"", "\"dtype\"", "\"data_offsets\"", "\"other\"",
    ];

    private static readonly string[] Others =
    [
        "null", "true", "{", "}", "[", "]", "[]", "{}", ",", ":", "[[[[[[[[[[[[[[[[[[", "\u0000", " ", "ä",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _valid = SafetensorsBytes.Sample();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Random_damage_to_the_bytes_is_survived() => Survives(3000, DamageBytes).ShouldBeGreaterThan(0);

    [Fact]
    public void Random_edits_of_the_header_are_survived() => Survives(6000, DamageHeader).ShouldBeGreaterThan(0);

    [Fact]
    public void Random_bytes_are_refused() =>
        Survives(1000, (_, edits) => [.. edits.SelectMany(edit => BitConverter.GetBytes(edit.Value))]).ShouldBe(0);

    // Where in the file, as a part of its length, and what to do there.
    private sealed record Edit(int Kind, double Place, int Value);

    private int Survives(int tries, Func<byte[], Edit[], byte[]> damage)
    {
        Gen<Edit> edit =
            from kind in Gen.Choose(0, 7)
            from place in Gen.Choose(0, 9999)
            from value in Gen.Choose(0, int.MaxValue)
            select new Edit(kind, place / 10_000.0, value);
        int opened = 0;
        int refused = 0;
        Gen<Edit[]> several = Gen.Choose(1, 3).SelectMany(count => edit.ArrayOf(count));
        Prop.ForAll(several.ToArbitrary(), edits =>
        {
            byte[] damaged = damage(_valid, edits);
            string path = _folder.File("fuzz.safetensors");
            File.WriteAllBytes(path, damaged);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                ReadAll(file);
                opened++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"{error.GetType()} for {Convert.ToHexString(damaged)}", error);
            }

            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MostAllocatedBytes);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(tries).WithReplay(20250714, 1));

        (opened + refused).ShouldBe(tries);
        refused.ShouldBeGreaterThan(0);
        return opened;
    }

    // Every entry's size was checked against the file, so that reading all of it is safe.
    private static void ReadAll(SafetensorsFile file)
    {
        foreach (SafetensorsEntry entry in file.Entries)
        {
            file.ReadBytes(entry, new byte[entry.ByteCount]);
            if (entry.DType is SafetensorsDType.F16 or SafetensorsDType.BF16 or SafetensorsDType.F32 or SafetensorsDType.F64)
            {
                file.ReadFloats(entry, new float[entry.ElementCount]);
            }
        }
    }

    private static byte[] DamageBytes(byte[] valid, Edit[] edits)
    {
        List<byte> bytes = [.. valid];
        foreach (Edit edit in edits)
        {
            int at = (int)(edit.Place * bytes.Count);
            int length = Math.Min(edit.Value % 64, bytes.Count - at);
            switch (edit.Kind)
            {
                case 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 1:
                    bytes.Insert(at, (byte)edit.Value);
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(edit.Value % (bytes.Count + 1), bytes.GetRange(at, length));
                    break;
                case > 3 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << (edit.Value % 8));
                    break;
            }
        }

        return [.. bytes];
    }

    // The header's length stays true, so that the damage reaches the checks behind it.
    private static byte[] DamageHeader(byte[] valid, Edit[] edits)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(valid);
        List<string> tokens = Tokens(Encoding.UTF8.GetString(valid.AsSpan(8, length)));
        foreach (Edit edit in edits)
        {
            int at = (int)(edit.Place * tokens.Count);
            switch (edit.Kind)
            {
                case 0 when at < tokens.Count:
                    tokens.RemoveAt(at);
                    break;
                case 1:
                    tokens.Insert(at, Pick(Others, edit));
                    break;
                case 2:
                    tokens.InsertRange(edit.Value % (tokens.Count + 1), tokens.GetRange(at, Math.Min(edit.Value % 20, tokens.Count - at)));
                    break;
                case 3 when at < tokens.Count:
                    tokens[at] = Pick(Others, edit);
                    break;
                default:
                    // Like for like, so that the JSON stays whole and what it says is wrong.
                    int scalar = tokens.FindIndex(at, IsScalar);
                    if (scalar >= 0)
                    {
                        tokens[scalar] = Pick(tokens[scalar][0] == '"' ? Strings : Numbers, edit);
                    }

                    break;
            }
        }

        return SafetensorsBytes.Join(string.Concat(tokens), valid.AsSpan(8 + length));
    }

    private static bool IsScalar(string token) => token.Length > 0 && (token[0] == '"' || char.IsAsciiDigit(token[0]));

    private static string Pick(string[] tokens, Edit edit) => tokens[edit.Value % tokens.Length];

    // Quoted strings, numbers and punctuation; the sample's strings hold no escapes.
    private static List<string> Tokens(string json)
    {
        List<string> tokens = [];
        for (int at = 0; at < json.Length;)
        {
            int end = at + 1;
            if (json[at] == '"')
            {
                end = json.IndexOf('"', end) + 1;
            }
            else if (char.IsAsciiDigit(json[at]))
            {
                while (char.IsAsciiDigit(json[end]))
                {
                    end++;
                }
            }

            tokens.Add(json[at..end]);
            at = end;
        }

        return tokens;
    }
}
