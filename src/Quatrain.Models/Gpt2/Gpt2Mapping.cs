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
        long converted = model.Parameters.Parameters.Sum(parameter => mapping.ConvertedBytes(parameter.Name, parameter.Tensor.Shape));
        Gpt2Memory.CheckDecodingFits(source.Config, converted, source.File.Path, SystemMemory.AvailableBytes);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            mapping.Attach(parameter.Name, parameter.Tensor.Shape);
        }
    }

    /// <summary>The bytes of a weight in memory, its matrix in <paramref name="format"/> where it is one that has a choice.</summary>
    public static long WeightBytes(string name, Shape shape, WeightFormat format)
    {
        (int rows, int columns) = shape.Rank == 1 ? (1, shape[0]) : (shape[0], shape[1]);
        WeightFormat own = FormatFor(name, shape, format);
        return own == WeightFormat.Int8 && TurnsForInt8(name) ? WeightMemory.ByteCount(columns, rows, own) : WeightMemory.ByteCount(rows, columns, own);
    }

    /// <summary>A model for inference of the same weights, but for the format of its matrices.</summary>
    public static Gpt2Model Convert(Gpt2Model model, WeightFormat format, WorkerPool pool)
    {
        Gpt2Model result = new(model.Config, allocate: false);
        try
        {
            foreach (Parameter parameter in model.Parameters.Parameters)
            {
                Shape shape = parameter.Tensor.Shape;
                WeightFormat own = FormatFor(parameter.Name, shape, format);
                bool turns = own == WeightFormat.Int8 && TurnsForInt8(parameter.Name);
                (int rows, int columns) = shape.Rank == 1 ? (1, shape[0]) : (shape[0], shape[1]);
                using WeightMemory source = WeightMemory.Allocate(rows, columns, WeightFormat.Float32);
                parameter.Tensor.Values.CopyTo(source.Floats);
                WeightMemory converted = source.ConvertTo(own, turns, pool);
                result.Parameters.Attach(parameter.Name, converted, turns);
                if (own != WeightFormat.Float32 && converted.FindNonFinite(pool) >= 0)
                {
                    throw new InvalidDataException($"Cannot hold the model's weights as {format}: '{parameter.Name}' holds numbers too large for it; use float32 weights.");
                }
            }

            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of memory of its own that a weight takes: none where it is mapped as it lies.</summary>
    private long ConvertedBytes(string name, Shape shape)
    {
        Plan plan = PlanFor(name, shape);
        return plan.IsAsNeeded ? 0 : WeightMemory.ByteCount(plan.Rows, plan.Columns, plan.Format);
    }

    private void Attach(string name, Shape shape)
    {
        Plan plan = PlanFor(name, shape);
        if (plan.Region is not { } region)
        {
            AttachConverted(name, Read(name, plan.Rows, plan.Columns), plan);
            return;
        }

        (int rows, int columns) = plan.LiesTransposed ? (plan.Columns, plan.Rows) : (plan.Rows, plan.Columns);
        WeightMemory mapped = Map(region, rows, columns, plan.Stored);
        RequireFinite(plan.Entry, mapped);
        AttachConverted(name, mapped, plan);
    }

    private Plan PlanFor(string name, Shape shape)
    {
        (TensorEntry entry, bool fileIsTransposed) = _source.Find(name);
        FileRegion? region = _source.File.Locate(entry) is { } place && FormatOf(place.Type) is not null ? place : null;
        WeightFormat format = FormatFor(name, shape, _format ?? (region is { } found ? FormatOf(found.Type) : null) ?? WeightFormat.Float32);
        (int rows, int columns) = shape.Rank == 1 ? (1, shape[0]) : (shape[0], shape[1]);
        // What can't be mapped is read in the model's own order.
        bool liesTransposed = region is not null && fileIsTransposed;
        bool wantsTransposed = format == WeightFormat.Int8 ? TurnsForInt8(name) : liesTransposed;
        WeightFormat stored = region is null ? WeightFormat.Float32 : FormatOf(region.Value.Type)!.Value;
        return new Plan(entry, region, rows, columns, stored, liesTransposed, format, wantsTransposed);
    }

    private static WeightFormat FormatFor(string name, Shape shape, WeightFormat format) =>
        shape.Rank == 1 || name == PositionEmbedding ? WeightFormat.Float32 : format;

    /// <summary>Int8 blocks lie along the terms of a sum: a table's rows, a layer's columns.</summary>
    private static bool TurnsForInt8(string name) => name is not (TokenEmbedding or Head);

    private void AttachConverted(string name, WeightMemory memory, in Plan plan)
    {
        bool turns = plan.LiesTransposed != plan.WantsTransposed;
        if (memory.Format != plan.Format || turns)
        {
            using WeightMemory source = memory;
            memory = source.ConvertTo(plan.Format, turns, _pool);
            if (plan.Format != WeightFormat.Float32 && memory.FindNonFinite(_pool) >= 0)
            {
                memory.Dispose();
                throw new InvalidDataException(
                    $"Cannot use '{_source.File.Path}' with {plan.Format} weights: {TensorText.Quote(name)} holds numbers too large for them; use float32 weights.");
            }
        }

        _model.Parameters.Attach(name, memory, plan.WantsTransposed);
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

        // The tables' last rows may be padding, which is left out.
        return place.Length >= WeightMemory.ByteCount(rows, columns, format) && place.Offset <= file.Length - place.Length
            ? WeightMemory.Map(file, place.Offset, rows, columns, format)
            : throw new InvalidDataException($"Cannot read '{place.Path}': it became shorter while it was read; stop what writes to it and try again.");
    }

    private void RequireFinite(TensorEntry entry, WeightMemory memory)
    {
        long index = memory.FindNonFinite(_pool);
        if (index >= 0)
        {
            // Reads it again and says which number it is.
            _source.File.ReadFiniteFloatRange(entry, index, new float[1]);
        }
    }

    private static WeightFormat? FormatOf(RawElementType type) => type switch
    {
        RawElementType.F32 => WeightFormat.Float32,
        RawElementType.BF16 => WeightFormat.BFloat16,
        RawElementType.Q8 => WeightFormat.Int8,
        _ => null,
    };

    /// <summary>Where and how a weight lies, and how the engine is to have it. Rows and columns are the model's.</summary>
    private readonly record struct Plan(
        TensorEntry Entry, FileRegion? Region, int Rows, int Columns, WeightFormat Stored, bool LiesTransposed, WeightFormat Format, bool WantsTransposed)
    {
        public bool IsAsNeeded => Region is not null && Stored == Format && LiesTransposed == WantsTransposed;
    }
}
