namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>What a pickle of torch.save may ask for beside plain values: the known names, their calls, and storages.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="storages">The storages so far, by their keys.</param>
internal sealed class TorchObjects(string path, Dictionary<string, TorchStorage> storages)
{
    /// <summary>The longest text that is used as a key: each use hashes it.</summary>
    public const int LongestKey = 1_000;

    private const long MostElements = long.MaxValue / 8;
    private const int MostDimensions = SafetensorsHeader.MostDimensions;

    /// <summary>The known name.</summary>
    /// <exception cref="InvalidDataException">It is not known; the message has it.</exception>
    public TorchGlobal Find(string module, string name) =>
        TorchGlobal.Find($"{module}.{name}") ?? throw new InvalidDataException(
            $"Cannot read '{path}': the pickle in it asks for {TensorText.Quote($"{module}.{name}")}, which is not among the names that weights are saved with, "
            + "and nothing of it was run; save only the state_dict, or the weights as safetensors.");

    /// <summary>What calling <paramref name="callee"/> gives.</summary>
    public object? Call(object? callee, object? arguments)
    {
        if (callee is not TorchGlobal global || arguments is not object?[] values)
        {
            throw PyTorchFile.Invalid(path, "the pickle in it calls something that is not a name");
        }

        return (global.Kind, values) switch
        {
            (TorchGlobalKind.OrderedDictionary, []) => new PickledDictionary(),
            (TorchGlobalKind.RebuildTensor, [TorchStorage storage, long offset, object?[] sizes, object?[] strides, ..]) =>
                Tensor(storage, offset, sizes, strides),
            (TorchGlobalKind.RebuildParameter, [TorchTensor tensor, ..]) => tensor,
            (TorchGlobalKind.Size, [object?[] sizes]) => sizes,
            (TorchGlobalKind.Device, [string, ..]) => null,
            _ => throw PyTorchFile.Invalid(path, $"the pickle in it calls {global.Name} with something it does not take"),
        };
    }

    /// <summary>
    /// The storage that a pickle refers to by ('storage', type, key, where it was, count); files before torch 1.6 add a part of another storage,
    /// which no version since 0.4 has written and is refused.
    /// </summary>
    public TorchStorage Refer(object? id)
    {
        if (id is not object?[] { Length: 5 or 6 } values
            || values is not ["storage", TorchGlobal { Elements: { } elements }, string key, _, long count, ..]
            || (values.Length == 6 && values[5] is not null)
            || count is < 0 or > MostElements
            || key.Length > LongestKey)
        {
            throw PyTorchFile.Invalid(path, "the pickle in it refers to a storage in an unknown way");
        }

        if (!storages.TryGetValue(key, out TorchStorage? storage))
        {
            storage = new TorchStorage(key, elements, count);
            storages.Add(key, storage);
        }

        return storage.Elements == elements && storage.Count == count
            ? storage
            : throw PyTorchFile.Invalid(path, $"the pickle in it describes storage {TensorText.Quote(key)} in two ways");
    }

    private TorchTensor Tensor(TorchStorage storage, long offset, object?[] sizes, object?[] strides)
    {
        if (sizes.Length > MostDimensions || sizes.Length != strides.Length
            || offset < 0 || !Array.TrueForAll(sizes, IsSize) || !Array.TrueForAll(strides, IsSize))
        {
            throw PyTorchFile.Invalid(path, "the pickle in it describes a tensor by an impossible shape, place or order");
        }

        return new TorchTensor(storage, offset, Array.ConvertAll(sizes, size => (long)size!), Array.ConvertAll(strides, stride => (long)stride!));
    }

    private static bool IsSize(object? value) => value is long and >= 0;
}
