using System.Runtime.CompilerServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Training.Tests.FineTuning.Data;

public sealed class TextTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.csv", "id,text\n1,\"a, \"\"b\"\"\nc\"\n2,\n", "id,text,label,probability\n1,\"a, \"\"b\"\"\nc\",L1,0.250000\n2,,L2,0.250000\n")]
    [InlineData("a.csv", "\uFEFFid;text\r\n1;x\r\n", "\uFEFFid;text;label;probability\r\n1;x;L1;0.250000\r\n")]
    [InlineData("a.csv", "text,label\nx,gold\n", "text,label,predicted_label,predicted_probability\nx,gold,L1,0.250000\n")]
    [InlineData("a.tsv", "\"a\" b\n5\" wide\n", "\"a\" b\tL1\t0.250000\n5\" wide\tL2\t0.250000\n")]
    [InlineData("a.csv", "one\ntwo", "one,L1,0.250000\ntwo,L2,0.250000\n")]
    [InlineData("a.jsonl", "{\"text\": \"\\u0041\", \"n\": 1.50}\n{ \"text\":\"b\" } \n", "{\"text\": \"\\u0041\", \"n\": 1.50, \"label\": \"L1\", \"probability\": 0.250000}\n{ \"text\":\"b\", \"label\": \"L2\", \"probability\": 0.250000}\n")]
    public void Rows_are_written_again_in_their_own_format_with_label_and_probability(string name, string content, string expected)
    {
        TextTable table = TextTable.Open(_folder.WriteText(name, content));

        Written(table).ShouldBe(expected);
    }

    [Fact]
    public void The_texts_column_is_found_named_or_the_longest()
    {
        TextTable.Open(_folder.WriteText("a.csv", "kind,message\n1,x\n")).TextColumnName.ShouldBe("message");
        TextTable.Open(_folder.WriteText("b.csv", "kind,said\n1,x\n"), new() { TextColumn = "said" }).Rows().Single().Text.ShouldBe("x");
        TextTable table = TextTable.Open(_folder.WriteText("c.csv", "1,a long text\n2,another long text\n"));
        (table.TextColumn, table.HasHeader, table.ColumnNames.Count).ShouldBe((1, false, 2));
        TextTableRow row = table.Rows().Last();
        (row.Line, row.Text).ShouldBe((2L, "another long text"));
        row.Cells.ShouldBe(["2", "another long text"]);
        string unclear = _folder.WriteText("d.csv", "abc,def\nabc,def\n");
        Should.Throw<InvalidDataException>(() => TextTable.Open(unclear)).Message.ShouldBe(
            $"'{unclear}' does not show which column holds the texts; it has 2 columns without names, numbered from 1, the first row being 'abc', 'def': choose one with --text-column.");
    }

    [Fact]
    public void A_row_error_names_its_line_when_the_row_is_reached()
    {
        TextTable table = TextTable.Open(_folder.WriteText("a.csv", "text,n\n" + string.Concat(Enumerable.Repeat("x,1\n", 2000)) + "y\n"));
        List<string> read = [];

        string message = Should.Throw<InvalidDataException>(() => read.AddRange(table.Rows().Select(row => row.Text))).Message;

        message.ShouldContain("on line 2002 there is a row of 1 column, but the first row has 2");
    }

    [Fact]
    public void What_can_not_be_written_is_refused()
    {
        TextTable twice = TextTable.Open(_folder.WriteText("a.csv", "text,label,predicted_label\nx,y,z\n"));
        Should.Throw<InvalidDataException>(() => new TextTableWriter(twice, Stream.Null)).Message.ShouldContain("'predicted_label' among them");

        TextTable objects = TextTable.Open(_folder.WriteText("a.jsonl", "{\"text\":\"x\"}\n{\"text\":\"x\",\"label\":1}\n"));
        Should.Throw<InvalidDataException>(() => Written(objects)).Message.ShouldContain("The object on line 2 has a field 'label' or 'probability'");

        TextTable plain = TextTable.Open(_folder.WriteText("a.tsv", "\"a\" b\n"));
        using TextTableWriter writer = new(plain, Stream.Null);
        Should.Throw<InvalidDataException>(() => writer.Write(plain.Rows().Single(), "a\tb", 1)).Message.ShouldContain("The label 'a b' has a tab");
    }

    [Fact]
    public void Rows_that_were_read_are_not_kept()
    {
        string path = _folder.File("long.csv");
        File.WriteAllLines(path, Enumerable.Repeat("some text that is not short,and another column", 50_000).Prepend("text,more"));

        List<WeakReference> rows = Remembered(TextTable.Open(path));

        GC.Collect();
        rows.Count.ShouldBe(50_000);
        rows.Count(row => row.IsAlive).ShouldBeLessThan(10);
    }

    // A method of its own, whose variables hold no row once it has returned.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<WeakReference> Remembered(TextTable table) => [.. table.Rows().Select(row => new WeakReference(row))];

    [Fact]
    public void Any_cells_come_back_as_they_were_written()
    {
        Gen<string> cell = Gen.Elements("a", "b", " ", ",", ";", "\"", "\n", "\r\n", "\r", "\t", "ä", "𝄞", "=1", "'").ListOf()
            .Select(parts => string.Concat(parts));
        Gen<string[]> row = from text in cell from other in cell select new[] { text, "x" + other };
        Prop.ForAll(row.ListOf().Where(rows => rows.Count > 0).ToArbitrary(), rows =>
        {
            // An empty line is no row, so each has a second cell that is not empty.
            string first = _folder.WriteText("first.csv", "text,other\n\"start\",x\n");
            TextTable template = TextTable.Open(first);
            string path = _folder.File("written.csv");
            using (FileStream stream = File.Create(path))
            using (TextTableWriter writer = new(template, stream))
            {
                int line = 0;
                foreach (string[] cells in rows)
                {
                    writer.Write(new TextTableRow(++line, cells[0], cells, ""), "la,\"bel\n", 0.5);
                }
            }

            TextTable table = TextTable.Open(path);
            table.ColumnNames.ShouldBe(["text", "other", "label", "probability"]);
            table.Rows().Select(read => read.Cells.ToArray()).ShouldBe(rows.Select(cells => new[] { cells[0], cells[1], "la,\"bel\n", "0.500000" }));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(20250714, 1));
    }

    private static string Written(TextTable table)
    {
        using MemoryStream stream = new();
        using (TextTableWriter writer = new(table, stream))
        {
            int row = 0;
            foreach (TextTableRow read in table.Rows())
            {
                writer.Write(read, $"L{++row}", 0.25);
            }
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
