using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Quatrain.Models.Checkpoints.PyTorch;

namespace Quatrain.Models.Tests.Checkpoints.PyTorch;

/// <summary>Pickles written by hand, instruction by instruction: what is read, and above all what is not.</summary>
public sealed class PickleReaderTests
{
    private const long MostAllocatedBytes = 100_000_000;

    [Fact]
    public void Plain_values_are_read()
    {
        Read("N."u8).ShouldBeNull();
        Read([0x88, (byte)'.']).ShouldBe(true);
        Read([0x89, (byte)'.']).ShouldBe(false);
        Read([(byte)'K', 200, (byte)'.']).ShouldBe(200L);
        Read([(byte)'M', 1, 2, (byte)'.']).ShouldBe(513L);
        Read([(byte)'J', 0xFE, 0xFF, 0xFF, 0xFF, (byte)'.']).ShouldBe(-2L);
        Read([0x8A, 0, (byte)'.']).ShouldBe(0L);
        Read([0x8A, 2, 0xFF, 0x7F, (byte)'.']).ShouldBe(32767L);
        Read([0x8A, 1, 0xFF, (byte)'.']).ShouldBe(-1L);
        Read([0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80, (byte)'.']).ShouldBe(long.MinValue);
        Read([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, (byte)'.']).ShouldBe(BigInteger.One << 64);
        Read([(byte)'G', 0xBF, 0xF8, 0, 0, 0, 0, 0, 0, (byte)'.']).ShouldBe(-1.5);
        Read([0x8C, 2, 0xC3, 0xA4, (byte)'.']).ShouldBe("ä");
        Read([(byte)'X', 1, 0, 0, 0, (byte)'z', (byte)'.']).ShouldBe("z");
        Read([0x8D, 1, 0, 0, 0, 0, 0, 0, 0, (byte)'z', (byte)'.']).ShouldBe("z");
    }

    [Fact]
    public void Collections_and_the_memo_are_read()
    {
        Read("K\u0001K\u0002\u0086q\u0000K\u0003h\u0000\u0086.".Latin1Bytes()).ShouldBe(new object?[] { 3L, new object?[] { 1L, 2L } });
        Read("(K\u0001K\u0002K\u0003t.".Latin1Bytes()).ShouldBe(new object?[] { 1L, 2L, 3L });
        Read("](K\u0001K\u0002e.".Latin1Bytes()).ShouldBe(new List<object?> { 1L, 2L });
        PickledDictionary dictionary = Read("}(X\u0001\u0000\u0000\u0000aK\u0001K\u0007K\u0008u.".Latin1Bytes()).ShouldBeOfType<PickledDictionary>();
        dictionary.Get("a").ShouldBe(1L);
        dictionary.Count.ShouldBe(1);
        dictionary.OtherKeyCount.ShouldBe(1);
    }

    [Fact]
    public void A_list_may_hold_itself()
    {
        List<object?> list = Read("]q\u0000h\u0000a.".Latin1Bytes()).ShouldBeOfType<List<object?>>();

        list.ShouldHaveSingleItem().ShouldBeSameAs(list);
    }

    [Theory]
    [InlineData("cposix\nsystem\nX\u0002\u0000\u0000\u0000ls\u0085R.", "'posix.system'")]
    [InlineData("cbuiltins\neval\n.", "'builtins.eval'")]
    [InlineData("c__builtin__\ngetattr\n.", "'__builtin__.getattr'")]
    [InlineData("\u008c\u0002os\u008c\u0006system\u0093.", "'os.system'")]
    [InlineData("ctorch.storage\n_load_from_bytes\n.", "'torch.storage._load_from_bytes'")]
    [InlineData("ctorch\nload\n.", "'torch.load'")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "'torch._utils._rebuild_tensor_v2.__globals__'")]
    [InlineData("ccollections\nOrderedDict.fromkeys\n.", "'collections.OrderedDict.fromkeys'")]
    public void A_name_outside_the_list_is_refused_by_name(string pickle, string name)
    {
        string message = Refused(pickle.Latin1Bytes());

        message.ShouldContain(name);
        message.ShouldContain("nothing of it was run");
    }

    [Theory]
    [InlineData("cos\nsystem\n)\u0081.", "'os.system'")] // NEWOBJ of an unknown name
    [InlineData("ccollections\nOrderedDict\n)\u0081.", "instruction 0x81")] // NEWOBJ of a known one
    [InlineData("(iposix\nsystem\n.", "instruction 0x69")] // INST
    [InlineData("(o.", "instruction 0x6F")] // OBJ
    [InlineData("P1\n.", "instruction 0x50")] // PERSID
    [InlineData("\u0082\u0001.", "instruction 0x82")] // EXT1
    [InlineData("I1\n.", "instruction 0x49")]
    [InlineData("\u0096\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000.", "instruction 0x96")] // BYTEARRAY8
    [InlineData("\u0080\u0006.", "protocol 6")]
    [InlineData(".", "more values than it has")]
    [InlineData("0.", "more values than it has")]
    [InlineData("2.", "more values than it has")]
    [InlineData("t.", "a mark it has not")]
    [InlineData("N(.", "more values than it has")]
    [InlineData("K\u0001(\u0085.", "more values than it has")]
    [InlineData("h\u0000.", "memo")]
    [InlineData("j\u00FF\u00FF\u00FF\u00FF.", "memo")]
    [InlineData("Nr\u00FF\u00FF\u00FF\u00FF.", "memo")]
    [InlineData("Nr\u0000\u0000\u0000\u0040.", "memo")]
    [InlineData("NNs.", "more values than it has")]
    [InlineData("NNNs.", "not a dictionary")]
    [InlineData("}(Nu.", "not a dictionary")]
    [InlineData("NNa.", "not a list")]
    [InlineData("NNR.", "not a name")]
    [InlineData("ccollections\nOrderedDict\nK\u0001\u0085R.", "collections.OrderedDict")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n)R.", "torch._utils._rebuild_tensor_v2")]
    [InlineData("ctorch\nFloatStorage\n)R.", "torch.FloatStorage")]
    [InlineData("N}b.", "attributes")]
    [InlineData("}Nb.", "attributes")]
    [InlineData("NQ.", "storage")]
    [InlineData("\u008c\u0007storage\u0085Q.", "storage")]
    [InlineData("X\u00FF\u00FF\u00FF\u00FFabc.", "cut short")]
    [InlineData("\u008d\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF\u00FFabc.", "cut short")]
    [InlineData("\u008a\u00FFabc.", "cut short")]
    [InlineData("cposix", "cut short")]
    [InlineData("\u008c\u0001\u00FF.", "UTF-8")]
    [InlineData("}\u008c\u0001aNs\u008c\u0001aNs.", "twice")]
    [InlineData("", "cut short")]
    public void What_weights_are_never_saved_with_is_refused(string pickle, string reason) => Refused(pickle.Latin1Bytes()).ShouldContain(reason);

    [Fact]
    public void Depth_costs_no_stack_and_little_memory()
    {
        const int Depth = 150_000;
        byte[] nested = [.. Enumerable.Repeat((byte)']', Depth), .. Enumerable.Repeat((byte)'a', Depth - 1), (byte)'.'];
        byte[] tuples = [(byte)'N', .. Enumerable.Repeat((byte)0x85, Depth), (byte)'.'];

        Hostility.Survives([], MostAllocatedBytes, () => Read(nested)).ShouldBeTrue();
        Hostility.Survives([], MostAllocatedBytes, () => Read(tuples)).ShouldBeTrue();
    }

    [Fact]
    public void Instructions_are_limited_whatever_they_are()
    {
        foreach (string repeated in (string[])["(", "N", "]", "N\u0094", "(1", "N\u0085", "}h\u0001Ns"])
        {
            byte[] prologue = "Nq\u0000\u008c\u0001xq\u0001".Latin1Bytes();
            byte[] unit = repeated.Latin1Bytes();
            byte[] pickle = [.. prologue, .. new byte[PickleReader.LargestBytes / unit.Length * unit.Length]];
            for (int at = prologue.Length; at < pickle.Length; at += unit.Length)
            {
                unit.CopyTo(pickle, at);
            }


            Hostility.Survives(pickle, MostAllocatedBytes, () => Read(pickle)).ShouldBeFalse(repeated);
        }
    }

    [Fact]
    public void A_long_text_as_a_key_is_refused_because_each_use_would_hash_it()
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, 5000);
        byte[] pickle = [(byte)'}', (byte)'X', .. length, .. Enumerable.Repeat((byte)'k', 5000), (byte)'N', (byte)'s', (byte)'.'];

        Refused(pickle).ShouldContain("key");
    }

    [Fact]
    public void A_storage_described_in_two_ways_is_refused()
    {
        static string Storage(string type, int count) => $"(\u008c\u0007storagectorch\n{type}\n\u008c\u00010\u008c\u0003cpuK{(char)count}tQ";

        Read($"{Storage("FloatStorage", 3)}{Storage("FloatStorage", 3)}\u0086.".Latin1Bytes()).ShouldBeOfType<object?[]>();
        Refused($"{Storage("FloatStorage", 3)}{Storage("HalfStorage", 3)}\u0086.".Latin1Bytes()).ShouldContain("two ways");
        Refused($"{Storage("FloatStorage", 3)}{Storage("FloatStorage", 4)}\u0086.".Latin1Bytes()).ShouldContain("two ways");
    }

    [Fact]
    public void Random_instructions_are_survived()
    {
        Random random = new(5);
        byte[] likely = Encoding.Latin1.GetBytes("().N0]a}stuqhKQRb2eX\u0085\u0086\u0087\u0088\u0089\u0094\u0093\u008c\u008a12");
        for (int i = 0; i < 5_000; i++)
        {
            byte[] pickle = new byte[random.Next(1, 60)];
            for (int at = 0; at < pickle.Length; at++)
            {
                pickle[at] = random.Next(6) > 0 ? likely[random.Next(likely.Length)] : (byte)random.Next(8);
            }

            Hostility.Survives(pickle, 1_000_000, () => Begin(pickle, out _));
        }
    }

    private static object? Read(ReadOnlySpan<byte> pickle)
    {
        object? value = Begin(pickle, out int length);
        length.ShouldBe(pickle.Length);
        return value;
    }

    private static object? Begin(ReadOnlySpan<byte> pickle, out int length) =>
        PickleReader.Read(pickle, "file.pt", new Dictionary<string, TorchStorage>(StringComparer.Ordinal), out length);

    private static string Refused(byte[] pickle)
    {
        string message = Should.Throw<InvalidDataException>(() => Read(pickle)).Message;
        message.ShouldStartWith("Cannot read 'file.pt': ");
        message.ShouldEndWith(".");
        return message;
    }
}
