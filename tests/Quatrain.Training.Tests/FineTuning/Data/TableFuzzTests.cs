using System.Text;
using Quatrain.Tensors;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Training.Tests.FineTuning.Data;

/// <summary>Damaged and hostile tables are read or refused as bad data, with little memory in either case.</summary>
public sealed class TableFuzzTests : IDisposable
{
    private const long MostAllocatedBytes = 64_000_000;

    private static readonly Dictionary<string, string> Samples = new()
    {
        ["a.csv"] = "id,label,text\r\n1,ham,\"Hello, \"\"you\"\"\r\nthere\"\r\n2,spam,Grüße 5\" 𝄞\r\n3,ham,plain\r\n4,spam,\"\"\r\n",
        ["a.tsv"] = "label\ttext\nham\t\"Hello\tthere\"\nspam\t\"\"\"win\"\"\"\nham\tplain\n",
        ["a.jsonl"] = "{\"text\": \"Hello \\\"you\\\" \\ud834\\udd1e\", \"label\": \"ham\", \"n\": [1, {\"a\": null}]}\n{\"text\": \"win\", \"label\": 1}\n\n{\"text\": \"Grüße\", \"label\": \"ham\"}\n",
        ["a.txt"] = "ham\tHello\nspam\t\"win\nham\tbye\nspam\tmore\n",
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.csv")]
    [InlineData("a.tsv")]
    [InlineData("a.jsonl")]
    [InlineData("a.txt")]
    public void Every_truncation_is_survived(string name)
    {
        byte[] valid = Encoding.UTF8.GetBytes(Samples[name]);
        int read = 0;
        for (int length = 0; length <= valid.Length; length++)
        {
            read += Survives(name, valid[..length]) ? 1 : 0;
        }

        read.ShouldBeInRange(1, valid.Length);
    }

    [Theory]
    [InlineData("a.csv")]
    [InlineData("a.tsv")]
    [InlineData("a.jsonl")]
    [InlineData("a.txt")]
    public void Random_damage_is_survived(string name)
    {
        byte[] valid = Encoding.UTF8.GetBytes(Samples[name]);
        byte[] marks = "\"\"\",;\t\n\r\\{}[]:\0\uFEFF"u8.ToArray();
        RandomSource random = new(7);
        int read = 0;
        for (int i = 0; i < 1000; i++)
        {
            byte[] damaged = [.. valid];
            for (int edit = random.NextInt32(3); edit >= 0; edit--)
            {
                int place = random.NextInt32(damaged.Length);
                damaged = random.NextInt32(4) switch
                {
                    0 => [.. damaged[..place], .. damaged[(place + 1)..]],
                    1 => [.. damaged[..place], marks[random.NextInt32(marks.Length)], .. damaged[place..]],
                    2 => [.. damaged[..place], (byte)random.NextInt32(256), .. damaged[(place + 1)..]],
                    _ => [.. damaged[..place], .. damaged[random.NextInt32(damaged.Length)..], 0x0A],
                };
            }

            read += Survives(name, damaged) ? 1 : 0;
        }

        read.ShouldBeInRange(1, 999);
    }

    [Theory]
    [InlineData(",", "row of more than 1,048,576 bytes")]
    [InlineData("a", "row of more than 1,048,576 bytes")]
    [InlineData("\"", "")]
    [InlineData("\"\",", "row of more than 1,048,576 bytes")]
    [InlineData("{\"a\":", "")]
    [InlineData("\0", "")]
    [InlineData("a\t", "row of more than 1,048,576 bytes")]
    public void Endless_rows_are_refused_in_little_memory(string piece, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes("text,label\n\"" + string.Concat(Enumerable.Repeat(piece, 20_000_000 / piece.Length)));
        foreach (string name in new[] { "a.csv", "a.tsv", "a.jsonl", "a.txt" })
        {
            foreach (byte[] content in new[] { bytes, bytes[12..] })
            {
                string path = _folder.WriteBytes(name, content);
                long before = GC.GetAllocatedBytesForCurrentThread();
                string message = Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(path)).Message;
                (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MostAllocatedBytes, $"{name} of '{piece}'");
                if (name == "a.csv")
                {
                    message.ShouldContain(expected);
                }
            }
        }
    }

    [Fact]
    public void Too_many_columns_are_refused()
    {
        string path = _folder.WriteText("a.csv", new string(',', 1000) + "\n");
        Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(path)).Message.ShouldContain("there are 1,001 columns, over the limit of 1,000");
    }

    private bool Survives(string name, byte[] bytes)
    {
        string path = _folder.WriteBytes(name, bytes);
        try
        {
            TextTable table = TextTable.Open(path);
            using TextTableWriter writer = new(table, Stream.Null);
            foreach (TextTableRow row in table.Rows())
            {
                writer.Write(row, "ham", 0.5);
            }
        }
        catch (InvalidDataException error)
        {
            IsOneSentence(error);
        }

        try
        {
            LabeledTextFile.Load(path).Examples.Count.ShouldBeGreaterThan(0);
            return true;
        }
        catch (InvalidDataException error)
        {
            IsOneSentence(error);
            return false;
        }
        catch (Exception error) when (error is not ShouldAssertException)
        {
            throw new InvalidOperationException($"{error.GetType()} for {name} {Convert.ToHexString(bytes)}", error);
        }
    }

    private static void IsOneSentence(InvalidDataException error)
    {
        error.Message.ShouldEndWith(".");
        error.Message.ShouldNotContain("\n");
    }
}
