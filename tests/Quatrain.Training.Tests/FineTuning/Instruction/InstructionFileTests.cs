using Quatrain.Inference.Chat;
using Quatrain.Tests;
using Quatrain.Training.FineTuning.Instruction;

namespace Quatrain.Training.Tests.FineTuning.Instruction;

public sealed class InstructionFileTests : IDisposable
{
    private const string Alpaca = """{"instruction":"Add.","input":"1 and 2","output":"3"}""";
    private const string Chat = """{"messages":[{"role":"system","content":"S"},{"role":"user","content":"U"},{"role":"assistant","content":"A"}]}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SharedDataFact("instruction-data/instruction-data.json")]
    public void The_book_s_data_is_read()
    {
        string path = SharedData.Get("instruction-data/instruction-data.json");

        IReadOnlyList<InstructionEntry> entries = InstructionFile.Load(path);

        entries.Count.ShouldBe(1100);
        entries[0].Turns.ShouldBe([
            new ChatTurn(TurnRole.User, "Evaluate the following phrase by transforming it into the spelling given.", "freind --> friend"),
            new ChatTurn(TurnRole.Assistant, "The spelling of the given phrase \"freind\" is incorrect, the correct spelling is \"friend\"."),
        ]);
        entries[6].Turns[1].Text.ShouldBe("Où est le restaurant le plus proche?");
        entries[1099].Where.ShouldBe($"Entry 1100 of '{path}'");
    }

    [Theory]
    [InlineData("data.json", $"[{Alpaca},{Chat}]", "Entry 2 of")]
    [InlineData("data.json", $"\uFEFF \n [{Alpaca},\n{Chat}]\n", "Entry 2 of")]
    [InlineData("data.jsonl", $"{Alpaca}\r\n\n{Chat}", "Line 3 of")]
    [InlineData("data.txt", $"\uFEFF{Alpaca}\n{Chat}\n", "Line 2 of")]
    public void Both_kinds_of_entries_are_read_from_both_kinds_of_files(string name, string text, string where)
    {
        IReadOnlyList<InstructionEntry> entries = InstructionFile.Load(_folder.WriteText(name, text));

        entries.Count.ShouldBe(2);
        entries[0].Turns.ShouldBe([new ChatTurn(TurnRole.User, "Add.", "1 and 2"), new ChatTurn(TurnRole.Assistant, "3")]);
        entries[1].Turns.ShouldBe([new ChatTurn(TurnRole.System, "S"), new ChatTurn(TurnRole.User, "U"), new ChatTurn(TurnRole.Assistant, "A")]);
        entries[1].Where.ShouldStartWith(where);
    }

    [Theory]
    [InlineData("""{"instruction":"Add.","output":"3"}""")]
    [InlineData("""{"instruction":"Add.","input":null,"output":"3","category":7}""")]
    [InlineData("""{"instruction":"Add.","input":" ","output":"3"}""")]
    public void An_input_may_be_absent_or_blank(string entry) =>
        InstructionFile.Load(_folder.WriteText("data.jsonl", entry))[0].Turns[0].ShouldBe(new ChatTurn(TurnRole.User, "Add."));

    [Theory]
    [InlineData("7", "there is no JSON object")]
    [InlineData("""{"instruction":"a"}""", "output is missing")]
    [InlineData("""{"output":"a"}""", "instruction is missing")]
    [InlineData("""{"instruction":"a","output":""}""", "output is empty")]
    [InlineData("""{"instruction":" \n","output":"a"}""", "instruction is empty")]
    [InlineData("""{"instruction":["a"],"output":"a"}""", "instruction is not a text")]
    [InlineData("""{"instruction":"a","input":1,"output":"a"}""", "input is not a text")]
    [InlineData("""{"instruction":"\ud800","output":"a"}""", "there is text that is not valid Unicode")]
    [InlineData("""{"messages":{}}""", "messages is not an array of at most 1000 messages")]
    [InlineData("""{"messages":[]}""", "the last message is not the assistant's")]
    [InlineData("""{"messages":[7]}""", "message 1 is not a JSON object")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "the content of message 1 is missing")]
    [InlineData("""{"messages":[{"content":"a"}]}""", "the role of message 1 is missing")]
    [InlineData("""{"messages":[{"role":"tool","content":"a"}]}""", "the role of message 1 is none of system, user and assistant")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"  "}]}""", "the content of message 2 is empty")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", "the last message is not the assistant's")]
    [InlineData("""{"messages":[{"role":"assistant","content":"a"}]}""", "message 1 is the assistant's where the user's is due")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"user","content":"a"}]}""", "message 2 is the user's where the assistant's is due")]
    public void Refuses_an_entry_that_can_not_be_used_and_names_it(string entry, string problem)
    {
        string lines = _folder.WriteText("data.jsonl", $"{Alpaca}\n{entry}\n"), array = _folder.WriteText("data.json", $"[{Alpaca},{entry}]");

        Message(lines).ShouldBe($"Line 2 of '{lines}' can't be used: {problem}; correct the entry or take it out.");
        Message(array).ShouldBe($"Entry 2 of '{array}' can't be used: {problem}; correct the entry or take it out.");
    }

    [Theory]
    [InlineData("", "holds no entries; name a file of instructions, in JSON or JSON lines.")]
    [InlineData("[]", "holds no entries; name a file of instructions, in JSON or JSON lines.")]
    [InlineData("[\n{},\n", "is not valid JSON near line 3, or names a field twice; correct it there.")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[", "is not valid JSON near line 1, or names a field twice; correct it there.")]
    [InlineData("Once upon a time", "can't be used: there is no valid JSON object, or a field twice; correct the entry or take it out.")]
    [InlineData("""{"instruction":"a","instruction":"a","output":"b"}""", "can't be used: there is no valid JSON object, or a field twice; correct the entry or take it out.")]
    public void Refuses_what_is_no_such_file(string text, string problem)
    {
        string path = _folder.WriteText("data", text);

        Message(path).ShouldEndWith($"'{path}' {problem}");
    }

    [Fact]
    public void Refuses_bytes_that_are_no_text()
    {
        Message(_folder.WriteBytes("a", [.. "[{\"instruction\":\""u8, 0xFF, .. "\"}]"u8])).ShouldContain("holds text that is not valid UTF-8");
        Message(_folder.WriteBytes("b", [.. "{\"instruction\":\""u8, 0xFF, .. "\"}"u8])).ShouldContain("there is text that is not valid UTF-8");
        Message(_folder.WriteText("c", new string(' ', (1 << 20) + 2))).ShouldContain("there are more than 1,048,576 bytes");
        Should.Throw<FileNotFoundException>(() => InstructionFile.Load(_folder.File("none"))).Message
            .ShouldBe($"There is no file '{_folder.File("none")}'; name a file of instructions, in JSON or JSON lines.");
        Should.Throw<FileNotFoundException>(() => InstructionFile.Load(_folder.Path)).Message.ShouldStartWith($"'{_folder.Path}' is a folder;");
    }

    /// <summary>Every beginning of a file, and every file with a byte changed, is read or refused in a sentence.</summary>
    [Fact]
    public void Damaged_files_are_refused_in_a_sentence()
    {
        foreach (string text in new[] { $"[{Alpaca},{Chat}]", $"{Alpaca}\n{Chat}\n" })
        {
            byte[] whole = System.Text.Encoding.UTF8.GetBytes(text);
            for (int i = 0; i < whole.Length; i++)
            {
                Try(whole[..i]);
                foreach (byte value in new byte[] { 0, (byte)'"', (byte)'[', 0xFF })
                {
                    byte[] changed = [.. whole];
                    changed[i] = value;
                    Try(changed);
                }
            }
        }

        void Try(byte[] bytes)
        {
            try
            {
                InstructionFile.Load(_folder.WriteBytes("data", bytes)).ShouldNotBeEmpty();
            }
            catch (InvalidDataException e)
            {
                e.Message.ShouldEndWith(".");
            }
        }
    }

    private static string Message(string path) => Should.Throw<InvalidDataException>(() => InstructionFile.Load(path)).Message;
}
