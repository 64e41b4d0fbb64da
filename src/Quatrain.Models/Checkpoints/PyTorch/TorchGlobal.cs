namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>What a name in a pickle stands for here.</summary>
internal enum TorchGlobalKind
{
    /// <summary>collections.OrderedDict: called, it gives an empty dictionary.</summary>
    OrderedDictionary,

    /// <summary>torch._utils._rebuild_tensor_v2: called, it gives a tensor in a storage.</summary>
    RebuildTensor,

    /// <summary>torch._utils._rebuild_parameter: called, it gives the tensor it is given.</summary>
    RebuildParameter,

    /// <summary>torch.Size: called, it gives the tuple it is given.</summary>
    Size,

    /// <summary>torch.device: called, it gives nothing of use here.</summary>
    Device,

    /// <summary>A type of elements; only mentioned.</summary>
    DType,

    /// <summary>A type of storage; only mentioned.</summary>
    Storage,
}

/// <summary>
/// A name that a pickle may mention. The list is all there is: a name outside it ends the reading, and none of them stands for code of the
/// language the pickle came from.
/// </summary>
/// <param name="Name">Module and name, with a dot between.</param>
/// <param name="Kind">What it stands for.</param>
/// <param name="Elements">The elements of a storage of that type.</param>
internal sealed record TorchGlobal(string Name, TorchGlobalKind Kind, SafetensorsDType? Elements = null)
{
    private static readonly Dictionary<string, TorchGlobal> Known = new TorchGlobal[]
    {
        new("collections.OrderedDict", TorchGlobalKind.OrderedDictionary),
        new("torch._utils._rebuild_tensor_v2", TorchGlobalKind.RebuildTensor),
        new("torch._utils._rebuild_parameter", TorchGlobalKind.RebuildParameter),
        new("torch.Size", TorchGlobalKind.Size),
        new("torch.device", TorchGlobalKind.Device),
        new("torch.float32", TorchGlobalKind.DType),
        new("torch.float16", TorchGlobalKind.DType),
        new("torch.bfloat16", TorchGlobalKind.DType),
        new("torch.float64", TorchGlobalKind.DType),
        new("torch.FloatStorage", TorchGlobalKind.Storage, SafetensorsDType.F32),
        new("torch.HalfStorage", TorchGlobalKind.Storage, SafetensorsDType.F16),
        new("torch.BFloat16Storage", TorchGlobalKind.Storage, SafetensorsDType.BF16),
        new("torch.DoubleStorage", TorchGlobalKind.Storage, SafetensorsDType.F64),
        new("torch.LongStorage", TorchGlobalKind.Storage, SafetensorsDType.I64),
        new("torch.IntStorage", TorchGlobalKind.Storage, SafetensorsDType.I32),
        new("torch.ShortStorage", TorchGlobalKind.Storage, SafetensorsDType.I16),
        new("torch.CharStorage", TorchGlobalKind.Storage, SafetensorsDType.I8),
        new("torch.ByteStorage", TorchGlobalKind.Storage, SafetensorsDType.U8),
        new("torch.BoolStorage", TorchGlobalKind.Storage, SafetensorsDType.Bool),
    }.ToDictionary(known => known.Name, StringComparer.Ordinal);

    /// <summary>The known name, or null.</summary>
    public static TorchGlobal? Find(string name) => Known.GetValueOrDefault(name);
}
