using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

public sealed class AtomicFileTests : IDisposable
{
    private const string FullDevice = "/dev/full";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WriteText_makes_a_file_in_utf8_without_a_byte_order_mark()
    {
        string path = _folder.File("é.txt");
        AtomicFile.WriteText(path, "ä\r\n");
        File.ReadAllBytes(path).ShouldBe([0xC3, 0xA4, 0x0D, 0x0A]);
        _folder.FileNames().ShouldBe(["é.txt"]);
    }

    [Fact]
    public void WriteText_refuses_half_a_surrogate_pair_and_keeps_the_old_file()
    {
        string path = _folder.File("x.txt");
        AtomicFile.WriteText(path, "old");
        Should.Throw<ArgumentException>(() => AtomicFile.WriteText(path, "\uD800"));
        File.ReadAllText(path).ShouldBe("old");
    }

    [Fact]
    public void Write_shows_the_old_content_until_the_new_one_is_whole()
    {
        string path = _folder.File("x.bin");
        File.WriteAllText(path, "old and longer");
        AtomicFile.Write(path, stream =>
        {
            stream.Write("new"u8);
            stream.Flush();
            File.ReadAllText(path).ShouldBe("old and longer");
        });
        File.ReadAllText(path).ShouldBe("new");
        _folder.FileNames().ShouldBe(["x.bin"]);
    }

    [Fact]
    public void Write_that_fails_midway_leaves_the_old_content_and_no_temporary_file()
    {
        string path = _folder.File("x.bin");
        File.WriteAllText(path, "old");
        Should.Throw<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[1 << 20]);
            throw new InvalidOperationException("stop");
        })).Message.ShouldBe("stop");
        File.ReadAllText(path).ShouldBe("old");
        _folder.FileNames().ShouldBe(["x.bin"]);
    }

    [Fact]
    public void Write_that_fails_makes_no_file_where_there_was_none()
    {
        Should.Throw<InvalidOperationException>(() => AtomicFile.Write(_folder.File("x.bin"), _ => throw new InvalidOperationException()));
        _folder.FileNames().ShouldBeEmpty();
    }

    [Fact]
    public void Write_removes_what_a_crash_left_behind_and_nothing_else()
    {
        string[] others = [".x.bin.mine.tmp", ".x.bin.1-.tmp", ".y.bin.1-1.tmp", "x.bin.1-1.tmp"];
        foreach (string name in (string[])[".x.bin.1-1.tmp", $".x.bin.{Environment.ProcessId}-12345.tmp", .. others])
        {
            File.WriteAllText(_folder.File(name), "left behind");
        }

        AtomicFile.WriteText(_folder.File("x.bin"), "new");
        _folder.FileNames().ShouldBe(((string[])[.. others, "x.bin"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Write_leaves_the_temporary_file_of_another_writer_alone()
    {
        string path = _folder.File("x.bin");
        AtomicFile.Write(path, outer =>
        {
            outer.Write("outer"u8);
            AtomicFile.WriteText(path, "inner");
            File.ReadAllText(path).ShouldBe("inner");
        });
        File.ReadAllText(path).ShouldBe("outer");
        _folder.FileNames().ShouldBe(["x.bin"]);
    }

    [Fact]
    public void Write_into_a_folder_that_is_a_file_says_so()
    {
        string file = _folder.File("x");
        File.WriteAllText(file, "");
        string path = Path.Combine(file, "y.bin");
        Should.Throw<IOException>(() => AtomicFile.WriteText(path, "new"))
            .Message.ShouldBe($"Cannot write '{path}': '{file}' is a file, not a folder; choose another folder.");
    }

    [Fact]
    public void Write_into_a_folder_that_is_absent_says_so()
    {
        string path = Path.Combine(_folder.File("absent"), "y.bin");
        Should.Throw<IOException>(() => AtomicFile.WriteText(path, "new"))
            .Message.ShouldBe($"Cannot write '{path}': '{_folder.File("absent")}' does not exist; create the folder first.");
    }

    [Fact]
    public void Write_over_a_folder_says_so()
    {
        Should.Throw<IOException>(() => AtomicFile.WriteText(_folder.FullName, "new"))
            .Message.ShouldBe($"Cannot write '{_folder.FullName}': a folder has that name; choose another file name.");
    }

    [FactNeeding(FullDevice)]
    public void Write_to_a_full_disk_says_so_and_keeps_the_old_content()
    {
        // The error comes from a real full device, though not the one the temporary file lies on.
        string path = _folder.File("x.bin");
        File.WriteAllText(path, "old");
        Should.Throw<IOException>(() => AtomicFile.Write(path, _ =>
        {
            using FileStream full = new(FullDevice, FileMode.Open, FileAccess.Write);
            full.Write(new byte[16]);
            full.Flush();
        })).Message.ShouldBe($"Cannot write '{path}': the disk is full; free some space or choose another folder.");
        File.ReadAllText(path).ShouldBe("old");
        _folder.FileNames().ShouldBe(["x.bin"]);
    }

    [Fact]
    public void Write_that_meets_another_io_error_names_the_path_and_the_error()
    {
        string path = _folder.File("x.bin");
        Should.Throw<IOException>(() => AtomicFile.Write(path, _ => throw new IOException("The cable is out.")))
            .Message.ShouldBe($"Cannot write '{path}': The cable is out.");
    }

    [Fact]
    public void Write_that_is_denied_names_the_path_and_the_folder()
    {
        string path = _folder.File("x.bin");
        Should.Throw<UnauthorizedAccessException>(() => AtomicFile.Write(path, _ => throw new UnauthorizedAccessException()))
            .Message.ShouldBe($"Cannot write '{path}': access is denied; check the permissions of '{_folder.FullName}' or choose another folder.");
    }
}
