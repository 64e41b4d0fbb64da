using Quatrain.Models.Gpt2;
using Quatrain.Models.Layers;
using Quatrain.Tensors;

namespace Quatrain.Models.Adapters;

/// <summary>LoRA adapters for some of a model's linear layers, in a store of their own: they are trained, saved and loaded apart from the model, their base.</summary>
public sealed class LoraAdapters : IDisposable
{
    /// <summary>What PEFT puts before a layer's name in the names of an adapter's tensors.</summary>
    public const string NamePrefix = "base_model.model.transformer.";

    private Gpt2Model? _model;

    /// <summary>Adapters that change nothing yet: A is random, as PEFT begins it, and B zero.</summary>
    /// <param name="model">The base; nothing is attached to it.</param>
    /// <param name="config">Which layers, and how.</param>
    /// <param name="seed">Decides A; the same seed gives the same numbers on every machine.</param>
    /// <exception cref="InvalidDataException">A number can't be used, or a target means no layer.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public LoraAdapters(Gpt2Model model, LoraConfig config, ulong seed)
        : this(Layers(model), config)
    {
        Parameters.Allocate();
        for (int i = 0; i < Adapters.Count; i++)
        {
            // Kaiming's uniform distribution with a = sqrt(5), which ends between -1 / sqrt(inputs) and its opposite.
            RandomSource random = new(seed, (ulong)i);
            Tensor a = Adapters[i].A;
            double bound = 1 / Math.Sqrt(a.Shape[1]);
            foreach (ref float value in a.Values)
            {
                value = (float)(((2 * random.NextDouble()) - 1) * bound);
            }
        }
    }

    /// <summary>Adapters whose store has no memory yet.</summary>
    internal LoraAdapters(IReadOnlyList<Linear> layers, LoraConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        IReadOnlyList<Linear> chosen = LoraTargets.Select(config, layers);
        Config = config with { Targets = LoraTargets.Shorten(chosen, layers), TargetExpression = null };
        Parameters = new ParameterStore();
        Adapters = [.. chosen.Select(layer => new LoraAdapter(Parameters, layer, config))];
    }

    /// <summary>Of what kind they are. The targets are the ends of names that mean just these layers to PEFT too.</summary>
    public LoraConfig Config { get; }

    /// <summary>Their weights, named as PEFT names them; gradients and moments exist for these alone.</summary>
    public ParameterStore Parameters { get; }

    /// <summary>One for each layer that is adapted, in the order of the model.</summary>
    public IReadOnlyList<LoraAdapter> Adapters { get; }

    /// <summary>Puts the adapters into effect in <paramref name="model"/> and freezes the model's own parameters.</summary>
    /// <remarks>A model that is mapped from float32 or bfloat16 weights serves too: what is frozen is only read.</remarks>
    /// <exception cref="InvalidOperationException">The model has adapters, or these are in another model.</exception>
    /// <exception cref="ArgumentException">The model lacks a layer, or has it in another shape.</exception>
    public void Attach(Gpt2Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (_model is not null || model.Adapters is not null)
        {
            throw new InvalidOperationException("Adapters are attached to one model at a time, and a model has one set of them; detach first.");
        }

        Linear[] layers = [.. Adapters.Select(adapter => LayerOf(model, adapter))];
        for (int i = 0; i < layers.Length; i++)
        {
            layers[i].Adapter = Adapters[i];
        }

        (_model, model.Adapters) = (model, this);
        model.Parameters.Freeze(_ => true);
    }

    /// <summary>Takes the adapters out of the model again, which computes as before; its parameters stay frozen.</summary>
    public void Detach()
    {
        foreach (Linear layer in _model?.LinearLayers ?? [])
        {
            layer.Adapter = null;
        }

        if (_model is not null)
        {
            _model.Adapters = null;
        }

        _model = null;
    }

    /// <summary>
    /// Adds what the adapters do to the weights of <paramref name="model"/>, which then computes without them what it computes with them, but for rounding. Detach
    /// them, or they take effect twice.
    /// </summary>
    /// <exception cref="InvalidOperationException">The model is held for inference only.</exception>
    /// <exception cref="ArgumentException">The model lacks a layer, or has it in another shape.</exception>
    public void MergeInto(Gpt2Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Linear[] layers = [.. Adapters.Select(adapter => LayerOf(model, adapter))];
        for (int i = 0; i < layers.Length; i++)
        {
            Adapters[i].AddProductTo(layers[i].Weight.Values, start: 0, transposed: false);
        }
    }

    /// <summary>Detaches the adapters and frees their memory.</summary>
    public void Dispose()
    {
        Detach();
        Parameters.Dispose();
    }

    /// <summary>The most bytes that a recording tape takes for the adapters beside the model, for <paramref name="rows"/> tokens and their way back.</summary>
    /// <param name="rows">The tokens.</param>
    /// <param name="lastRows">How many of them what follows the last block's attention works for.</param>
    internal long TrainingBytes(int rows, int lastRows)
    {
        string last = $"h.{_model!.Config.LayerCount - 1}.";
        int RowsOf(LoraAdapter adapter) => adapter.LayerName.StartsWith(last, StringComparison.Ordinal) && LoraTargets.EndOf(adapter.LayerName) != "attn.c_attn" ? lastRows : rows;
        long kept = Adapters.Sum(adapter =>
            OutputBytes(adapter, RowsOf(adapter)) + (3 * InnerBytes(RowsOf(adapter))) + (Config.Dropout > 0 ? 2 * Tape.BytesFor((long)RowsOf(adapter) * adapter.A.Shape[1]) : 0));
        // An activation function that is no longer part of its layer has a gradient of its own, which one block leaves to the next.
        return kept + Adapters.Max(adapter => OutputBytes(adapter, RowsOf(adapter)));
    }

    /// <summary>The most that a tape without a way back takes for them: what a block takes, which gives it back to the next.</summary>
    internal long DecodingBytes(int rows) => Adapters.DistinctBy(adapter => LoraTargets.EndOf(adapter.LayerName)).Sum(adapter =>
        2 * (OutputBytes(adapter, rows) + InnerBytes(rows)));

    private static long OutputBytes(LoraAdapter adapter, int rows) => Tape.BytesFor((long)rows * adapter.B.Shape[0]);

    private long InnerBytes(int rows) => Tape.BytesFor((long)rows * Config.Rank);

    private static IReadOnlyList<Linear> Layers(Gpt2Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.LinearLayers;
    }

    private static Linear LayerOf(Gpt2Model model, LoraAdapter adapter)
    {
        Linear? layer = model.LinearLayers.FirstOrDefault(layer => layer.Name == adapter.LayerName);
        return layer is not null && layer.Weight.Shape == new Shape(adapter.A.Shape[1], adapter.B.Shape[0])
            ? layer
            : throw new ArgumentException($"The model has no linear layer {adapter.LayerName} of {adapter.A.Shape[1]} inputs and {adapter.B.Shape[0]} outputs.", nameof(model));
    }
}
