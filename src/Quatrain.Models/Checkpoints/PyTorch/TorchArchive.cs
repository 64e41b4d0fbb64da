namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>A zip archive of torch.save, as torch 1.6 and later write it: NAME/data.pkl, and NAME/data/KEY for each storage.</summary>
/// <remarks>Checksums of the zip's members are not compared: torch.save can be told to leave them out.</remarks>
internal sealed class TorchArchive : ITorchContainer
{
    private const string PickleName = "/data.pkl";

    private readonly RawFile _file;
    private readonly ZipDirectory _directory;
    private readonly string _prefix;

    private TorchArchive(RawFile file, ZipDirectory directory, string prefix) => (_file, _directory, _prefix) = (file, directory, prefix);

    /// <inheritdoc/>
    public object? Root { get; private set; }

    /// <summary>Opens the archive and reads its pickle.</summary>
    public static TorchArchive Open(RawFile file)
    {
        ZipDirectory directory = ZipDirectory.Read(file);
        ZipMember[] pickles = [.. directory.Members.Where(member => member.Name.EndsWith(PickleName, StringComparison.Ordinal))];
        if (pickles is not [ZipMember pickle])
        {
            throw PyTorchFile.Invalid(file.Path, "it is a zip file without a data.pkl, or with several, so torch.save did not write it");
        }

        TorchArchive archive = new(file, directory, pickle.Name[..^PickleName.Length]);
        archive.RefuseVariants();
        if (pickle.Size > PickleReader.LargestBytes)
        {
            throw PyTorchFile.Invalid(file.Path, $"its data.pkl takes {pickle.Size:N0} bytes, and at most {PickleReader.LargestBytes:N0} are read");
        }

        byte[] bytes = file.ReadBytes(directory.Locate(pickle), (int)pickle.Size);
        archive.Root = PickleReader.Read(bytes, file.Path, new Dictionary<string, TorchStorage>(StringComparer.Ordinal), out _);
        return archive;
    }

    /// <inheritdoc/>
    public long Locate(TorchStorage storage)
    {
        ZipMember member = _directory.Find($"{_prefix}/data/{storage.Key}")
            ?? throw PyTorchFile.Invalid(_file.Path, $"its storage {TensorText.Quote(storage.Key)} is not there");
        return member.Size == storage.ByteCount
            ? _directory.Locate(member)
            : throw PyTorchFile.Invalid(
                _file.Path, $"its storage {TensorText.Quote(storage.Key)} has {member.Size:N0} bytes, not the {storage.ByteCount:N0} its pickle claims");
    }

    private void RefuseVariants()
    {
        if (_directory.Find($"{_prefix}/constants.pkl") is not null)
        {
            throw new InvalidDataException(
                $"Cannot read '{_file.Path}': it is a TorchScript archive, a program with its weights; save the model's state_dict with torch.save.");
        }

        if (_directory.Find($"{_prefix}/byteorder") is { } member)
        {
            const int Longest = 16;
            byte[] order = _file.ReadBytes(_directory.Locate(member), (int)Math.Min(member.Size, Longest));
            if (!order.AsSpan().SequenceEqual("little"u8))
            {
                throw PyTorchFile.Invalid(_file.Path, "its numbers are not in little-endian order");
            }
        }
    }
}
