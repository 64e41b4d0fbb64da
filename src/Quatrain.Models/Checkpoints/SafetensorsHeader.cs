using System.Text.Json;
using System.Text.Unicode;

namespace Quatrain.Models.Checkpoints;

/// <summary>Reads and checks the JSON header of a safetensors file.</summary>
/// <remarks>
/// Format: https://github.com/huggingface/safetensors. Accepts what the reference implementation accepts, and refuses duplicate
/// names as the format demands. A field it does not know is skipped, as there.
/// </remarks>
internal ref struct SafetensorsHeader
{
    public const string MetadataName = "__metadata__";
    public const int MostDimensions = 32;
    private const int DeepestJson = 16;

    private readonly string _path;
    private readonly List<SafetensorsEntry> _entries = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private Utf8JsonReader _json;

    private SafetensorsHeader(ReadOnlySpan<byte> header, string path)
    {
        _path = path;
        _json = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = DeepestJson });
    }

    /// <summary>The entries, in the order of their data, and the metadata that <paramref name="header"/> describes.</summary>
    /// <param name="header">The header's bytes.</param>
    /// <param name="dataLength">The length of the data section in bytes, which the tensors must cover exactly.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InvalidDataException">The header breaks a rule of the format; the message says which and where.</exception>
    public static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> header, long dataLength, string path)
    {
        if (header.IsEmpty || header[0] != (byte)'{')
        {
            throw Invalid(path, "its header does not begin with '{', so it is damaged or no safetensors file");
        }

        if (!Utf8.IsValid(header))
        {
            throw Invalid(path, "its header is not valid UTF-8");
        }

        SafetensorsHeader parser = new(header, path);
        try
        {
            parser.ReadAll();
        }
        catch (JsonException)
        {
            throw Invalid(path, $"its header is not valid JSON near byte {parser._json.BytesConsumed}");
        }

        // A stable order: empty tensors at one place stay as the header names them.
        List<SafetensorsEntry> entries = [.. parser._entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)];
        parser.CheckLayout(entries, dataLength);
        return (entries, parser._metadata);
    }

    /// <summary>The error for a file that breaks the format.</summary>
    public static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot read '{path}': {problem}; download or export the file again.");

    private void ReadAll()
    {
        _json.Read();
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            string name = Text("a name");
            if (!_names.Add(name))
            {
                throw Invalid($"its header names {TensorText.Quote(name)} twice");
            }

            _json.Read();
            if (name == MetadataName)
            {
                ReadMetadata();
            }
            else
            {
                ReadEntry(name);
            }
        }

        // Reads to the end of the header, which makes anything but blanks an error.
        _json.Read();
    }

    private void ReadMetadata()
    {
        if (_json.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (_json.TokenType != JsonTokenType.StartObject)
        {
            throw Invalid($"'{MetadataName}' in its header is not an object");
        }

        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            string key = Text("a metadata name");
            _json.Read();
            if (_json.TokenType != JsonTokenType.String)
            {
                throw Invalid($"the metadata value of {TensorText.Quote(key)} is not a string");
            }

            if (!_metadata.TryAdd(key, Text("a metadata value")))
            {
                throw Invalid($"its metadata name {TensorText.Quote(key)} twice");
            }
        }
    }

    private void ReadEntry(string name)
    {
        if (_json.TokenType != JsonTokenType.StartObject)
        {
            throw InvalidTensor(name, "is not described by an object");
        }

        SafetensorsDType? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            string field = Text("a field name");
            _json.Read();
            bool repeated = false;
            switch (field)
            {
                case "dtype":
                    repeated = dtype is not null;
                    dtype = ReadDType(name);
                    break;
                case "shape":
                    repeated = shape is not null;
                    shape = ReadNumbers(name, field, MostDimensions);
                    break;
                case "data_offsets":
                    repeated = offsets is not null;
                    offsets = ReadNumbers(name, field, 2);
                    break;
                default:
                    _json.Skip();
                    break;
            }

            if (repeated)
            {
                throw InvalidTensor(name, $"has two fields '{field}'");
            }
        }

        if (dtype is null || shape is null || offsets is not [long begin, long end])
        {
            throw InvalidTensor(name, "lacks a dtype, a shape or two data_offsets");
        }

        _entries.Add(MakeEntry(name, dtype.Value, shape, begin, end));
    }

    private readonly SafetensorsEntry MakeEntry(string name, SafetensorsDType dtype, long[] shape, long begin, long end)
    {
        if (begin > end)
        {
            throw InvalidTensor(name, $"has data that end at byte {end}, before they begin at byte {begin}");
        }

        long count = 1;
        long bytes;
        try
        {
            foreach (long size in shape)
            {
                count = checked(count * size);
            }

            bytes = checked(count * dtype.Size());
        }
        catch (OverflowException)
        {
            throw InvalidTensor(name, $"has the shape {TensorText.Shape(shape)}, which is larger than any file");
        }

        if (bytes != end - begin)
        {
            throw InvalidTensor(name,
                $"has {end - begin} bytes of data, but {dtype.Label()} of shape {TensorText.Shape(shape)} takes {bytes}");
        }

        return new SafetensorsEntry(name, dtype, shape, count, begin);
    }

    private SafetensorsDType ReadDType(string name)
    {
        if (_json.TokenType != JsonTokenType.String)
        {
            throw InvalidTensor(name, "has a dtype that is not a string");
        }

        string label = Text("a dtype");
        return SafetensorsDTypes.Find(label) ?? throw InvalidTensor(name, $"has the unknown dtype {TensorText.Quote(label)}");
    }

    private long[] ReadNumbers(string name, string field, int most)
    {
        if (_json.TokenType != JsonTokenType.StartArray)
        {
            throw InvalidTensor(name, $"has a '{field}' that is not an array");
        }

        List<long> numbers = [];
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
        {
            if (_json.TokenType != JsonTokenType.Number || !_json.TryGetInt64(out long number) || number < 0)
            {
                throw InvalidTensor(name, $"has a '{field}' that holds something other than whole numbers from 0 to 2^63 - 1");
            }

            if (numbers.Count == most)
            {
                throw InvalidTensor(name, $"has a '{field}' of more than {most} numbers");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    private readonly string Text(string what)
    {
        try
        {
            return _json.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // What the reader throws for an escape that is half of a surrogate pair.
            throw Invalid($"{what} in its header is not valid Unicode");
        }
    }

    private readonly void CheckLayout(List<SafetensorsEntry> entries, long dataLength)
    {
        long end = 0;
        string previous = "the start of the data";
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Begin < end)
            {
                throw InvalidTensor(entry.Name,
                    $"overlaps {previous}: it begins at byte {entry.Begin}, but byte {end} is the first free one");
            }

            if (entry.Begin > end)
            {
                throw InvalidTensor(entry.Name, $"leaves a hole of {entry.Begin - end} bytes after {previous}");
            }

            end = entry.End;
            previous = $"tensor {TensorText.Quote(entry.Name)}";
        }

        if (end > dataLength)
        {
            throw Invalid(
                $"it is cut short: {previous} ends at byte {end} of the data, but the file holds only {dataLength} bytes of data");
        }

        if (end < dataLength)
        {
            throw Invalid($"it holds {dataLength - end} bytes after {previous} that belong to no tensor");
        }
    }

    private readonly InvalidDataException InvalidTensor(string name, string problem) =>
        Invalid($"tensor {TensorText.Quote(name)} {problem}");

    private readonly InvalidDataException Invalid(string problem) => Invalid(_path, problem);
}
