namespace Quatrain.Models.Hub;

/// <summary>Is told how a pull goes on. Calls come from several threads at a time.</summary>
public interface IHubObserver
{
    /// <summary>It is known what there is to fetch; <paramref name="presentBytes"/> of <paramref name="totalBytes"/> are there already.</summary>
    void Begun(int fileCount, long presentBytes, long totalBytes);

    /// <summary>The number of bytes that are there changed: most often up, by what arrived, or down, where some of it must be fetched again.</summary>
    void Changed(long bytes);

    /// <summary>Something took another course; one sentence for a person.</summary>
    void Noted(string message);
}
