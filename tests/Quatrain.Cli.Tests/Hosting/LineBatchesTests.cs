using System.Text;
using Quatrain.Cli.Hosting;

namespace Quatrain.Cli.Tests.Hosting;

public sealed class LineBatchesTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData("a", new[] { "a" })]
    [InlineData("a\n", new[] { "a" })]
    [InlineData("a\r\n\nb\n\n", new[] { "a", "", "b", "" })]
    public void Every_line_comes_once_in_its_order(string text, string[] lines) =>
        LineBatches.Read(new StringReader(text), 3, default).SelectMany(batch => batch).ShouldBe(lines);

    [Fact]
    public void Many_lines_come_in_batches_of_no_more_than_asked_for()
    {
        string[] lines = [.. Enumerable.Range(0, 1000).Select(i => $"{i}")];

        string[][] batches = [.. LineBatches.Read(new StringReader(string.Join('\n', lines)), 7, default)];

        batches.SelectMany(batch => batch).ShouldBe(lines);
        batches.ShouldAllBe(batch => batch.Length >= 1 && batch.Length <= 7);
    }

    [Fact]
    public async Task A_line_does_not_wait_for_the_next_and_who_waits_can_be_stopped()
    {
        using WaitingReader reader = new("first\n");
        using CancellationTokenSource source = new();
        IEnumerator<string[]> batches = LineBatches.Read(reader, 100, source.Token).GetEnumerator();

        (await Task.Run(batches.MoveNext).WaitAsync(TimeSpan.FromMinutes(1))).ShouldBeTrue();
        batches.Current.ShouldBe(["first"]);
        Task<bool> next = Task.Run(batches.MoveNext);
        await source.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => next.WaitAsync(TimeSpan.FromMinutes(1)));
        reader.Release();
    }

    [Fact]
    public void What_is_no_text_is_told_after_the_lines_before_it()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("line\n", 3000))), 0xFF, (byte)'\n'];
        using StreamReader reader = new(new MemoryStream(bytes), new UTF8Encoding(false, throwOnInvalidBytes: true));
        int lines = 0;

        InvalidDataException error = Should.Throw<InvalidDataException>(() =>
        {
            foreach (string[] batch in LineBatches.Read(reader, 10, default))
            {
                lines += batch.Length;
            }
        });

        error.Message.ShouldMatch(@"^Line \d+ of standard input, or one soon after it, is not valid UTF-8; convert the text to UTF-8\.$");
        lines.ShouldBeInRange(2000, 3000);
    }

    [Fact]
    public void A_line_without_end_is_refused_before_it_fills_the_memory()
    {
        using StringReader reader = new(new string('x', (1 << 20) + 1));
        Should.Throw<InvalidDataException>(() => LineBatches.Read(reader, 10, default).Count()).Message.ShouldBe("Line 1 of standard input has more than 1,048,576 characters; a text that long can't be used.");
    }

    /// <summary>Gives what it has, and then waits.</summary>
    private sealed class WaitingReader(string text) : TextReader
    {
        private readonly ManualResetEventSlim _released = new();
        private int _position;

        public void Release() => _released.Set();

        public override int Read()
        {
            if (_position < text.Length)
            {
                return text[_position++];
            }

            _released.Wait();
            return -1;
        }
    }
}
