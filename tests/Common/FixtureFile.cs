using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Quatrain.Tests;

/// <summary>
/// Golden numbers from tests/fixtures: NAME.safetensors and the NAME.json that describes it.
/// Fixtures are trusted, and read without the product's own reader, so that a fault there can't hide.
/// </summary>
internal sealed class FixtureFile
{
    private readonly byte[] _content;
    private readonly int _dataStart;
    private readonly Dictionary<string, JsonElement> _headers;

    private FixtureFile(byte[] content, JsonElement description)
    {
        int headerLength = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(content));
        _content = content;
        _dataStart = sizeof(ulong) + headerLength;
        using JsonDocument header = JsonDocument.Parse(content.AsMemory(sizeof(ulong), headerLength));
        _headers = header.RootElement.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.Clone());
        Description = description;
    }

    /// <summary>What the .json file beside the tensors says: config, tolerances, versions.</summary>
    public JsonElement Description { get; }

    /// <summary>The names of all tensors.</summary>
    public IEnumerable<string> Names => _headers.Keys;

    /// <summary>Opens a fixture by its bare name, such as <c>tiny-gpt2-bias-tanh</c>.</summary>
    public static FixtureFile Open(string name)
    {
        string path = Path.Combine(RepositoryRoot.Path, "tests", "fixtures", name);
        using JsonDocument description = JsonDocument.Parse(File.ReadAllBytes(path + ".json"));
        return new FixtureFile(File.ReadAllBytes(path + ".safetensors"), description.RootElement.Clone());
    }

    /// <summary>A tensor's dimensions; none for a scalar.</summary>
    public long[] Shape(string name) => [.. Header(name).GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];

    /// <summary>The elements of a float32 tensor.</summary>
    public float[] Floats(string name) => Type(name) switch
    {
        "F32" => Elements<float>(name),
        string type => throw new ArgumentException($"'{name}' is {type}, not F32.", nameof(name)),
    };

    /// <summary>The elements of an int32 or int64 tensor.</summary>
    public int[] Ints(string name) => Type(name) switch
    {
        "I32" => Elements<int>(name),
        "I64" => [.. Elements<long>(name).Select(value => checked((int)value))],
        string type => throw new ArgumentException($"'{name}' is {type}, not I32 or I64.", nameof(name)),
    };

    private string Type(string name) => Header(name).GetProperty("dtype").GetString() ?? "null";

    private JsonElement Header(string name) => _headers.TryGetValue(name, out JsonElement header)
        ? header
        : throw new ArgumentException($"The fixture has no tensor '{name}'.", nameof(name));

    private T[] Elements<T>(string name)
        where T : unmanaged
    {
        JsonElement offsets = Header(name).GetProperty("data_offsets");
        int start = offsets[0].GetInt32();
        int end = offsets[1].GetInt32();
        return MemoryMarshal.Cast<byte, T>(_content.AsSpan(_dataStart + start, end - start)).ToArray();
    }
}
