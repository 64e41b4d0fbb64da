using System.Security.Cryptography;
using System.Text;
using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public class TextFilesTests
{
    [Fact]
    public void Load_reads_a_file_as_it_is_without_its_byte_order_mark()
    {
        using TemporaryFolder folder = new();
        string path = folder.WriteBytes("a.log", [0xEF, 0xBB, 0xBF, .. "Grüße,\r\n𝄞\n"u8]);

        LoadedText loaded = TextFiles.Load(path);

        loaded.Text.ShouldBe("Grüße,\r\n𝄞\n");
        loaded.Fingerprint.ShouldBe(Convert.ToHexStringLower(SHA256.HashData("Grüße,\r\n𝄞\n"u8)));
    }

    [Fact]
    public void Load_joins_a_folder_in_ordinal_order_of_relative_paths()
    {
        using TemporaryFolder folder = new();
        folder.WriteText("b.txt", "3");
        folder.WriteText("B.TXT", "1");
        folder.WriteText("a/z.md", "2");
        folder.WriteText("c.txt", "");
        folder.WriteText("d/e/f.txt", "4");
        folder.WriteText("picture.png", "no text");
        folder.WriteText(".hidden.txt", "hidden");

        TextFiles.Load(folder.Path).Text.ShouldBe("1\n2\n3\n4");
    }

    [Fact]
    public void A_folders_files_are_parted_by_a_mark_of_ones_own_once()
    {
        using TemporaryFolder folder = new();
        folder.WriteText("1.txt", "one");
        folder.WriteText("2.txt", "two<end>\n");
        folder.WriteText("3.txt", "");
        folder.WriteText("4.txt", "four");

        TextFiles.Load(folder.Path, "<end>").Text.ShouldBe("one<end>two<end>\nfour");
        TextFiles.Load(folder.File("1.txt"), "<end>").Text.ShouldBe("one");
    }

    [Fact]
    public void Load_does_not_follow_linked_folders_around()
    {
        using TemporaryFolder folder = new();
        folder.WriteText("sub/a.txt", "once");
        Directory.CreateSymbolicLink(folder.File("sub/loop"), folder.Path);

        TextFiles.Load(folder.Path).Text.ShouldBe("once");
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0xC3, 0x28 }, "is not valid UTF-8: byte 0xC3 at offset 1")]
    [InlineData(new byte[] { 0x61, 0x62, 0xE2, 0x82 }, "is not valid UTF-8: byte 0xE2 at offset 2")]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 }, "is not valid UTF-8: byte 0xED at offset 0")]
    [InlineData(new byte[] { 0x61, 0x00 }, "holds a NUL byte at offset 1")]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x61, 0x00 }, "is UTF-16 text; save it as UTF-8.")]
    [InlineData(new byte[] { }, "is empty")]
    [InlineData(new byte[] { 0xEF, 0xBB, 0xBF }, "is empty")]
    public void Load_refuses_what_is_not_text(byte[] bytes, string expected)
    {
        using TemporaryFolder folder = new();
        string path = folder.WriteBytes("a.txt", bytes);

        string message = Should.Throw<InvalidDataException>(() => TextFiles.Load(path)).Message;

        message.ShouldStartWith($"'{path}' ");
        message.ShouldContain(expected);
    }

    [Fact]
    public void Load_refuses_a_folder_without_text_and_a_path_with_nothing()
    {
        using TemporaryFolder folder = new();

        Should.Throw<InvalidDataException>(() => TextFiles.Load(folder.Path)).Message.ShouldBe($"Folder '{folder.Path}' holds no *.txt or *.md file.");
        string nowhere = folder.File("none");
        Should.Throw<InvalidDataException>(() => TextFiles.Load(nowhere)).Message.ShouldBe($"There is no file or folder '{nowhere}'; check the path.");
    }

    [Fact]
    public void Load_refuses_too_much_before_reading_it()
    {
        using TemporaryFolder folder = new();
        // Takes no space on disk; the bytes read would be NUL, which another message names.
        using (FileStream file = File.Create(folder.File("large.txt")))
        {
            file.SetLength(1_000_000_001);
        }

        Should.Throw<InvalidDataException>(() => TextFiles.Load(folder.Path)).Message
            .ShouldBe($"'{folder.Path}' holds 1,000,000,001 bytes, over the limit of 1,000,000,000; use a part of it.");
    }

    [Fact]
    public void Load_counts_a_folder_together()
    {
        using TemporaryFolder folder = new();
        folder.WriteText("a.txt", "12345");
        folder.WriteText("b.txt", "12345");

        TextFiles.Load(folder.Path, TextFiles.LineEnd, maximumBytes: 10).Text.ShouldBe("12345\n12345");
        Should.Throw<InvalidDataException>(() => TextFiles.Load(folder.Path, TextFiles.LineEnd, maximumBytes: 9));
    }

    [Fact]
    public void Fingerprint_of_a_long_text_is_that_of_its_bytes()
    {
        // Pairs of surrogates across every border of the buffer.
        string text = "a" + string.Concat(Enumerable.Repeat("𝄞é", 40_000));

        LoadedText.From(text).Fingerprint.ShouldBe(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
    }
}
