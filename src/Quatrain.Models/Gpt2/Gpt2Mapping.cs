using Quatrain.Models.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Gpt2;

/// <summary>
/// A GPT-2 for inference straight from its files: weights that lie as the engine reads them are mapped, and the others converted into memory.
/// </summary>
internal sealed class Gpt2Mapping
{
    private const string PositionEmbedding = "wpe.weight";
    private const string TokenEmbedding = "wte.weight";
    private const string Head = "lm_head.weight";

    private readonly Gpt2Source _source;
    private readonly Gpt2Model _model;
    private readonly WeightFormat? _format;
    private readonly WorkerPool _pool;
    private readonly Dictionary<string, MappedFile> _files = new(StringComparer.Ordinal);

    private Gpt2Mapping(Gpt2Source source, Gpt2Model model, WeightFormat? format, WorkerPool pool) =>
        (_source, _model, _format, _pool) = (source, model, format, pool);

    /// <summary>Attaches all weights of <paramref name="source"/> to a model that has no memory yet.</summary>
    public static void Attach(Gpt2Source source, Gpt2Model model, WeightFormat? format, WorkerPool pool)
    {
        Gpt2Mapping mapping = new(source, model, format, pool);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            mapping.Attach(parameter.Name, parameter.Tensor.Shape);
        }
    }

    private void Attach(string name, Shape shape)
    {
        (TensorEntry entry, bool fileIsTransposed) = _source.Find(name);
        FileRegion? region = _source.File.Locate(entry);
        bool isTable = name is TokenEmbedding or Head;
        WeightFormat format = FormatFor(name, shape, region);
        (int rows, int columns) = shape.Rank == 1 ? (1, shape[0]) : (shape[0], shape[1]);
        // Int8 blocks lie along the terms of a sum: a table's rows, a layer's columns.
        bool wantsTransposed = format == WeightFormat.Int8 ? !isTable : fileIsTransposed;
        if (region is not { } place || FormatOf(place.Type) is not { } stored)
        {
            WeightMemory floats = Read(name, rows, columns);
            AttachConverted(name, floats, false, format, format == WeightFormat.Int8 && !isTable);
            return;
        }

        WeightMemory mapped = fileIsTransposed ? Map(place, columns, rows, stored) : Map(place, rows, columns, stored);
        RequireFinite(entry, mapped);
        AttachConverted(name, mapped, fileIsTransposed, format, wantsTransposed);
    }

    private WeightFormat FormatFor(string name, Shape shape, FileRegion? region) =>
        shape.Rank == 1 || name == PositionEmbedding ? WeightFormat.Float32
        : _format ?? (region is { } place ? FormatOf(place.Type) : null) ?? WeightFormat.Float32;

    private void AttachConverted(string name, WeightMemory memory, bool liesTransposed, WeightFormat format, bool wantsTransposed)
    {
        if (memory.Format != format || liesTransposed != wantsTransposed)
        {
            using WeightMemory source = memory;
            memory = source.ConvertTo(format, liesTransposed != wantsTransposed, _pool);
            if (format != WeightFormat.Float32 && memory.FindNonFinite(_pool) >= 0)
            {
                memory.Dispose();
                throw new InvalidDataException(
                    $"Cannot use '{_source.File.Path}' with {format} weights: {TensorText.Quote(name)} holds numbers too large for them; use float32 weights.");
            }
        }

        _model.Parameters.Attach(name, memory, wantsTransposed);
    }

    private WeightMemory Read(string name, int rows, int columns)
    {
        WeightMemory memory = WeightMemory.Allocate(rows, columns, WeightFormat.Float32);
        try
        {
            _source.ReadWeight(name, memory.Floats);
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    private WeightMemory Map(FileRegion place, int rows, int columns, WeightFormat format)
    {
        if (!_files.TryGetValue(place.Path, out MappedFile? file))
        {
            file = MappedFile.Open(place.Path);
            _files.Add(place.Path, file);
            _model.Parameters.Own(file);
        }

        return place.Length == WeightMemory.ByteCount(rows, columns, format) && place.Offset <= file.Length - place.Length
            ? WeightMemory.Map(file, place.Offset, rows, columns, format)
            : throw new InvalidDataException($"Cannot read '{place.Path}': it became shorter while it was read; stop what writes to it and try again.");
    }

    private void RequireFinite(TensorEntry entry, WeightMemory memory)
    {
        long index = memory.FindNonFinite(_pool);
        if (index >= 0)
        {
            throw new InvalidDataException(
                $"Cannot use '{_source.File.Path}': tensor {TensorText.Quote(entry.Name)} of shape {TensorText.Shape(entry.Shape)} holds a number that is not finite at element {index}, "
                + "so the weights are damaged or their training diverged; use another checkpoint.");
        }
    }

    private static WeightFormat? FormatOf(RawElementType type) => type switch
    {
        RawElementType.F32 => WeightFormat.Float32,
        RawElementType.BF16 => WeightFormat.BFloat16,
        RawElementType.Q8 => WeightFormat.Int8,
        _ => null,
    };
}
