using System.Globalization;
using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Training.FineTuning;

/// <summary>Which weights of a model train; the task's own head trains besides, whatever this says.</summary>
public abstract record TrainedPart
{
    /// <summary>Everything.</summary>
    public static TrainedPart All { get; } = new AllParts();

    /// <summary>Nothing of the model: the head alone learns to read what the model makes of a text.</summary>
    public static TrainedPart None { get; } = new LastBlocks(-1);

    /// <summary>The last <paramref name="count"/> blocks and the last norm.</summary>
    public static TrainedPart Last(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return new LastBlocks(count);
    }

    /// <summary>Nothing of the model itself: adapters that are attached to it, in a store of their own.</summary>
    public static TrainedPart Adapters(LoraAdapters adapters) => new AttachedAdapters(adapters);

    /// <summary>Reads <c>head</c>, <c>last-K</c> or <c>all</c>.</summary>
    /// <param name="text">What is to be read.</param>
    /// <param name="hasHead">Whether the task has a head of its own, without which <c>head</c> would train nothing.</param>
    /// <exception cref="InvalidDataException">It is none of them.</exception>
    public static TrainedPart Parse(string text, bool hasHead = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        const string LastPrefix = "last-";
        return text switch
        {
            "all" => All,
            "head" when hasHead => None,
            _ when text.StartsWith(LastPrefix, StringComparison.Ordinal)
                && int.TryParse(text.AsSpan(LastPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count >= 1 => Last(count),
            _ => throw new InvalidDataException($"--train is '{text}'; it must be {(hasHead ? "head, " : "")}last-K with a number of blocks such as last-1, all or lora."),
        };
    }

    /// <summary>Freezes what does not train by the options of a task, and attaches adapters where they are what trains.</summary>
    /// <param name="train">head, last-K, all or lora.</param>
    /// <param name="config">The adapters, for lora.</param>
    /// <param name="seed">Decides how adapters begin.</param>
    /// <param name="model">The model.</param>
    /// <param name="adapters">The adapters that were attached, or null.</param>
    /// <returns>How many of the model's stages no gradient reaches, counted from below.</returns>
    /// <exception cref="InvalidDataException">The model has not that many blocks, or no layer that adapters are for.</exception>
    public static int Freeze(string train, LoraConfig config, ulong seed, Gpt2Model model, out LoraAdapters? adapters)
    {
        adapters = null;
        if (train != ClassifierOptions.Lora)
        {
            return Parse(train).Apply(model);
        }

        adapters = new LoraAdapters(model, config, seed);
        adapters.Attach(model);
        return Adapters(adapters).Apply(model);
    }

    /// <summary>Freezes the other parameters of <paramref name="model"/>, and returns how many of its stages no gradient reaches, counted from below.</summary>
    /// <exception cref="InvalidDataException">The model has not that many blocks.</exception>
    public abstract int Apply(Gpt2Model model);

    private sealed record AllParts : TrainedPart
    {
        public override int Apply(Gpt2Model model)
        {
            model.Parameters.Freeze(_ => false);
            return 0;
        }

        public override string ToString() => "all";
    }

    private sealed record AttachedAdapters(LoraAdapters Added) : TrainedPart
    {
        // The model's own parameters are frozen since the adapters were attached.
        public override int Apply(Gpt2Model model) => Added.Adapters.Min(adapter => BlockOf(adapter.LayerName));

        public override string ToString() => "lora";
    }

    /// <param name="Count">The blocks; -1 for not even the last norm.</param>
    private sealed record LastBlocks(int Count) : TrainedPart
    {
        public override int Apply(Gpt2Model model)
        {
            int layers = model.Config.LayerCount;
            if (Count > layers)
            {
                throw new InvalidDataException($"--train is {this}, and the model has {layers} blocks; choose at most last-{layers}, or all.");
            }

            int first = layers - Count;
            model.Parameters.Freeze(parameter => !Trains(parameter, first));
            return first;
        }

        public override string ToString() => Count < 0 ? "head" : FormattableString.Invariant($"last-{Count}");

        private bool Trains(Parameter parameter, int first) =>
            Count > 0 && (parameter.Name.StartsWith("ln_f.", StringComparison.Ordinal) || BlockOf(parameter.Name) >= first);
    }

    /// <summary>The block of a parameter or layer called h.N.something; -1 for one outside the blocks.</summary>
    private static int BlockOf(string name) =>
        name.Split('.', 3) is ["h", string layer, _] ? int.Parse(layer, CultureInfo.InvariantCulture) : -1;
}
