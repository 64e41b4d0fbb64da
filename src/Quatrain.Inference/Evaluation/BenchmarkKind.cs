namespace Quatrain.Inference.Evaluation;

/// <summary>A published benchmark, and which of its definitions.</summary>
public enum BenchmarkKind
{
    /// <summary>
    /// HellaSwag in completion style as llm.c and build-nanogpt define it: the context as it is, then a space and each of four endings; the two parts are
    /// encoded by themselves. Source of the data: Zellers et al., "HellaSwag: can a machine really finish your sentence?" (2019).
    /// </summary>
    HellaSwag,

    /// <summary>
    /// HellaSwag as EleutherAI's lm-evaluation-harness defines it: the activity's name before the context, its second part begun with a capital, and what
    /// stands in brackets removed.
    /// </summary>
    HellaSwagHarness,

    /// <summary>
    /// LAMBADA, the last word of a passage, in OpenAI's variant of the data and as lm-evaluation-harness scores it.
    /// Source of the data: Paperno et al., "The LAMBADA dataset: word prediction requiring a broad discourse context" (2016).
    /// </summary>
    Lambada,
}

/// <summary>The names of the benchmarks.</summary>
public static class BenchmarkKinds
{
    private static readonly (string Name, BenchmarkKind Kind)[] All =
        [("hellaswag", BenchmarkKind.HellaSwag), ("hellaswag-harness", BenchmarkKind.HellaSwagHarness), ("lambada", BenchmarkKind.Lambada)];

    /// <summary>All names.</summary>
    public static IEnumerable<string> Names => All.Select(entry => entry.Name);

    /// <summary>The name of <paramref name="kind"/>.</summary>
    public static string Name(this BenchmarkKind kind) => All.First(entry => entry.Kind == kind).Name;

    /// <summary>The benchmark called <paramref name="name"/>.</summary>
    /// <exception cref="InvalidDataException">There is none; the message names all.</exception>
    public static BenchmarkKind Parse(string name)
    {
        foreach ((string known, BenchmarkKind kind) in All)
        {
            if (known == name)
            {
                return kind;
            }
        }

        throw new InvalidDataException($"There is no benchmark '{name}'; choose one of {string.Join(", ", Names)}.");
    }
}
