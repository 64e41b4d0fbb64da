using System.Runtime.InteropServices;
using System.Text;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.PyTorch;
using Quatrain.Models.Tests.Gpt2;

namespace Quatrain.Models.Tests.Checkpoints.PyTorch;

/// <summary>Files that PyTorch wrote; tests/fixtures/make_torch_fixtures.py says what is in them.</summary>
public sealed class PyTorchFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("views.pt")]
    [InlineData("views-legacy.pt")]
    public void Every_kind_of_view_and_type_is_read_in_its_own_order(string name)
    {
        using PyTorchFile file = PyTorchFile.Open(ImportFixtures.Path($"torch-small/{name}"));
        static float Plain(int row, int column) => ((6 * row) + column) / 8f;
        float[] half = [0.5f, -1.25f, 3, (float)(Half)1e-3], turned = [.. from k in Indices(4) from i in Indices(2) from j in Indices(3) select (12f * i) + (4 * j) + k];

        Check(file, "plain", [4, 6], [.. from i in Indices(4) from j in Indices(6) select Plain(i, j)]);
        Check(file, "transposed", [6, 4], [.. from j in Indices(6) from i in Indices(4) select Plain(i, j)]);
        Check(file, "part", [2, 3], [.. from i in Indices(2) from j in Indices(3) select Plain(i + 1, j + 2)]);
        Check(file, "every_other", [4, 3], [.. from i in Indices(4) from j in Indices(3) select Plain(i, 2 * j)]);
        Check(file, "turned", [4, 2, 3], turned);
        Check(file, "row", [6], [.. Indices(6).Select(j => Plain(2, j))]);
        Check(file, "single", [], [-7.5f]);
        Check(file, "empty", [0, 5], []);
        Check(file, "parameter", [2], [1.5f, -2.5f]);
        Check(file, "float16", [2, 2], half);
        Check(file, "float16_transposed", [2, 2], [half[0], half[2], half[1], half[3]]);
        Check(file, "bfloat16", [2, 2], [0.5f, -1.25f, 3, 0.00099945068359375f]);
        Check(file, "float64", [2, 2], [0.5f, -1.25f, 3, 1e-3f]);
        Check(file, "float64_transposed", [2, 2], [0.5f, 3, -1.25f, 1e-3f]);
        foreach (string integer in (string[])["int64", "int32", "int16", "int8", "uint8", "bool"])
        {
            file.TryGet(integer, out TensorEntry? entry).ShouldBeTrue();
            entry.IsReadableAsFloats.ShouldBeFalse();
            entry.Shape.ShouldBe([3L]);
            Should.Throw<InvalidDataException>(() => file.ReadFloatRange(entry, 0, new float[3])).Message.ShouldContain(entry.TypeName);
        }
    }

    [Theory]
    [InlineData("views.pt")]
    [InlineData("views-legacy.pt")]
    public void Where_a_tensor_lies_is_told_only_where_its_elements_follow_one_another(string name)
    {
        string path = ImportFixtures.Path($"torch-small/{name}");
        byte[] bytes = File.ReadAllBytes(path);
        using PyTorchFile file = PyTorchFile.Open(path);
        foreach (TensorEntry entry in file.Entries.Where(entry => entry.IsReadableAsFloats))
        {
            FileRegion? region = file.Locate(entry);
            bool follows = entry.Name is "plain" or "row" or "single" or "empty" or "parameter" or "float16" or "bfloat16";
            region.HasValue.ShouldBe(follows, entry.Name);
            if (region is { Type: RawElementType.F32 } place)
            {
                place.Path.ShouldBe(path);
                MemoryMarshal.Cast<byte, float>(bytes.AsSpan((int)place.Offset, (int)place.Length)).ToArray().ShouldBe(Read(file, entry.Name));
            }
        }
    }

    [Fact]
    public void A_training_checkpoint_gives_the_tensors_of_its_model_alone()
    {
        using PyTorchFile file = PyTorchFile.Open(ImportFixtures.Path("torch-nanogpt/ckpt.pt"));

        file.Entries.Select(entry => entry.Name).ShouldAllBe(name => name.StartsWith("_orig_mod.", StringComparison.Ordinal));
        file.Root.Get("iter_num").ShouldBe(250L);
        file.Root.TryGet("optimizer", out PickledDictionary? _).ShouldBeTrue();
    }

    [Fact]
    public void An_optimizer_that_is_not_there_is_not_missed()
    {
        string path = ImportFixtures.Path("torch-nanogpt/ckpt.pt");
        HashSet<string> wanted;
        using (PyTorchFile whole = PyTorchFile.Open(path))
        {
            wanted = [.. Storages(whole)];
        }

        List<(string Name, byte[] Content)> members = TorchZip.Members(path);
        int removed = members.RemoveAll(member => member.Name.Contains("/data/", StringComparison.Ordinal) && !wanted.Contains(member.Name.Split('/')[^1]));
        removed.ShouldBeGreaterThan(3);
        using PyTorchFile file = PyTorchFile.Open(Write(TorchZip.Join(members)));

        file.Entries.Count.ShouldBe(29);
        Hostility.ReadAll(file);
    }

    [Fact]
    public void Another_files_entry_is_refused()
    {
        using PyTorchFile file = PyTorchFile.Open(ImportFixtures.Path("torch-small/views.pt")), other = PyTorchFile.Open(file.Path);
        other.TryGet("plain", out TensorEntry? entry).ShouldBeTrue();

        Should.Throw<ArgumentException>(() => file.ReadFloatRange(entry, 0, new float[1]));
        Should.Throw<ArgumentException>(() => file.Locate(entry));
        Should.Throw<ArgumentException>(() => other.ReadFloatRange(entry, 24, new float[1]));
        Should.Throw<ArgumentException>(() => other.ReadFloatRange(entry, -1, new float[1]));
    }

    [Theory]
    [InlineData("hostile-system", "system'")]
    [InlineData("hostile-eval", "eval'")]
    [InlineData("hostile-exec", "exec'")]
    [InlineData("hostile-getattr", "getattr'")]
    [InlineData("hostile-object", "")]
    [InlineData("hostile-bytes", "")]
    [InlineData("hostile-set", "")]
    [InlineData("hostile-complex", "complex'")]
    public void A_pickle_that_asks_for_more_is_refused_and_nothing_runs(string name, string named)
    {
        foreach (int protocol in (int[])[2, 4])
        {
            string path = ImportFixtures.Path($"torch-small/{name}-{protocol}.pt");

            string message = Should.Throw<InvalidDataException>(() => PyTorchFile.Open(path)).Message;

            message.ShouldStartWith($"Cannot read '{path}': the pickle in it ");
            message.ShouldContain(named);
            message.ShouldContain("nothing of it was run");
            File.Exists("quatrain-was-here").ShouldBeFalse();
        }
    }

    [Theory]
    [InlineData("expanded.pt", "does not fit the 1 elements of its storage")]
    [InlineData("list.pt", "not a dictionary")]
    [InlineData("module.pt", "'torch.nn.modules.normalization.LayerNorm'")]
    [InlineData("script.pt", "TorchScript")]
    [InlineData("deflated.pt", "compressed")]
    public void What_is_no_state_dict_is_refused(string name, string reason) =>
        Should.Throw<InvalidDataException>(() => PyTorchFile.Open(ImportFixtures.Path($"torch-small/{name}"))).Message.ShouldContain(reason);

    [Fact]
    public void Other_files_are_refused_by_what_they_are()
    {
        Refused("").ShouldContain("does not begin");
        Refused("PK").ShouldContain("does not begin");
        Refused("PK\u0003\u0004").ShouldContain("cut short");
        Refused("\u0080\u0002K\u0001.").ShouldContain("torch.save did not write it");
        Refused("version https://git-lfs.github.com/spec/v1\n").ShouldContain("git lfs pull");
        Refused("{\"a\": 1}").ShouldContain("does not begin");
        Should.Throw<IOException>(() => PyTorchFile.Open(_folder.FullName)).Message.ShouldContain("folder");
        Should.Throw<FileNotFoundException>(() => PyTorchFile.Open(_folder.File("absent.pt")));
    }

    [Fact]
    public void A_big_endian_archive_is_refused()
    {
        List<(string Name, byte[] Content)> members = TorchZip.Members(ImportFixtures.Path("torch-small/views.pt"));
        string root = members[0].Name.Split('/')[0];

        using (PyTorchFile.Open(Write(TorchZip.Join([.. members, ($"{root}/byteorder", "little"u8.ToArray())]))))
        {
        }

        Should.Throw<InvalidDataException>(() => PyTorchFile.Open(Write(TorchZip.Join([.. members, ($"{root}/byteorder", "big"u8.ToArray())]))))
            .Message.ShouldContain("little-endian");
    }

    [Fact]
    public void A_storage_that_is_absent_or_of_another_length_is_refused()
    {
        List<(string Name, byte[] Content)> members = TorchZip.Members(ImportFixtures.Path("torch-small/views.pt"));
        int index = members.FindIndex(member => member.Name.EndsWith("/data/0", StringComparison.Ordinal));
        (string name, byte[] content) = members[index];

        members[index] = (name, content[..^1]);
        Should.Throw<InvalidDataException>(() => PyTorchFile.Open(Write(TorchZip.Join(members)))).Message.ShouldContain("95 bytes, not the 96");
        members.RemoveAt(index);
        Should.Throw<InvalidDataException>(() => PyTorchFile.Open(Write(TorchZip.Join(members)))).Message.ShouldContain("storage '0' is not there");
    }

    [Theory]
    [InlineData("views.pt")]
    [InlineData("views-legacy.pt")]
    public void A_file_cut_short_anywhere_is_refused(string name)
    {
        byte[] whole = File.ReadAllBytes(ImportFixtures.Path($"torch-small/{name}"));
        for (int length = 0; length < whole.Length; length += whole.Length - length > 300 ? 3 : 1)
        {
            string path = Write(whole[..length]);
            Hostility.Survives(whole[..length], 1_000_000, () => PyTorchFile.Open(path).Dispose()).ShouldBeFalse($"{length} bytes");
        }
    }

    [Fact]
    public void Random_damage_to_a_zip_file_is_survived()
    {
        byte[] whole = File.ReadAllBytes(ImportFixtures.Path("torch-small/views.pt"));
        Fuzz(700, random => Hostility.Damage(whole, random)).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Random_damage_to_the_table_of_contents_is_survived()
    {
        byte[] whole = File.ReadAllBytes(ImportFixtures.Path("torch-small/views.pt"));
        int start = whole.AsSpan().IndexOf("PK\u0001\u0002"u8);
        Fuzz(700, random => [.. whole.AsSpan(0, start), .. Hostility.Damage(whole[start..], random)]).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Random_damage_to_the_pickle_is_survived()
    {
        string path = ImportFixtures.Path("torch-small/views.pt");
        Fuzz(700, random => TorchZip.Replace(path, "/data.pkl", pickle => Hostility.Damage(pickle, random))).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Random_damage_to_a_file_without_a_zip_archive_is_survived()
    {
        byte[] whole = File.ReadAllBytes(ImportFixtures.Path("torch-small/views-legacy.pt"));
        Fuzz(1000, random => Hostility.Damage(whole, random)).ShouldBeGreaterThan(0);
    }

    private int Fuzz(int tries, Func<Random, byte[]> damage)
    {
        Random random = new(20260917);
        int opened = 0;
        for (int i = 0; i < tries; i++)
        {
            byte[] damaged = damage(random);
            string path = Write(damaged);
            opened += Hostility.Survives(damaged, 2_000_000, () =>
            {
                using PyTorchFile file = PyTorchFile.Open(path);
                Hostility.ReadAll(file);
            }) ? 1 : 0;
        }

        opened.ShouldBeLessThan(tries);
        return opened;
    }

    private static IEnumerable<string> Storages(PyTorchFile file)
    {
        file.Root.TryGet("model", out PickledDictionary? model).ShouldBeTrue();
        return model.Items.Select(item => item.Value.ShouldBeOfType<TorchTensor>().Storage.Key);
    }

    private static IEnumerable<int> Indices(int count) => Enumerable.Range(0, count);

    // Whole, and from every start to every end.
    private static void Check(PyTorchFile file, string name, long[] shape, float[] expected)
    {
        file.TryGet(name, out TensorEntry? entry).ShouldBeTrue(name);
        entry.Shape.ShouldBe(shape, name);
        entry.ElementCount.ShouldBe(expected.Length, name);
        for (int start = 0; start <= expected.Length; start++)
        {
            for (int end = start; end <= expected.Length; end++)
            {
                float[] part = new float[end - start];
                file.ReadFloatRange(entry, start, part);
                part.ShouldBe(expected[start..end], name);
            }
        }
    }

    private static float[] Read(PyTorchFile file, string name)
    {
        file.TryGet(name, out TensorEntry? entry).ShouldBeTrue();
        float[] values = new float[entry.ElementCount];
        file.ReadFloatRange(entry, 0, values);
        return values;
    }

    private string Refused(string content) => Should.Throw<InvalidDataException>(() => PyTorchFile.Open(Write(Encoding.Latin1.GetBytes(content)))).Message;

    private string Write(byte[] content)
    {
        string path = _folder.File("file.pt");
        File.WriteAllBytes(path, content);
        return path;
    }
}
