using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Quatrain.Inference.Classification;

namespace Quatrain.Extensions;

/// <summary>Registers models as services.</summary>
/// <example>
/// <code>
/// builder.Services.AddQuatrainChatClient("runs/instruct");
/// builder.Services.AddQuatrainEmbeddingGenerator("gpt2", options => options.TruncateLongTexts = true);
/// builder.Services.AddTextClassifier("runs/spam", options => options.Threshold = 0.9);
/// </code>
/// </example>
public static class QuatrainServices
{
    /// <summary>Adds an <see cref="IChatClient"/> over the model at <paramref name="path"/>: one for all, opened when it is first asked for, freed with the provider.</summary>
    /// <param name="services">The services.</param>
    /// <param name="path">As for <see cref="QuatrainChatClient.Open"/>, which says what it throws when the client is asked for.</param>
    /// <param name="configure">Sets options, or null.</param>
    public static IServiceCollection AddQuatrainChatClient(this IServiceCollection services, string path, Action<QuatrainChatOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        QuatrainChatOptions options = new();
        configure?.Invoke(options);
        return services.AddSingleton<IChatClient>(_ => QuatrainChatClient.Open(path, options));
    }

    /// <summary>Adds an embedding generator over the model at <paramref name="path"/>: one for all, opened when it is first asked for, freed with the provider.</summary>
    /// <param name="services">The services.</param>
    /// <param name="path">As for <see cref="QuatrainEmbeddingGenerator.Open"/>, which says what it throws when the generator is asked for.</param>
    /// <param name="configure">Sets options, or null.</param>
    public static IServiceCollection AddQuatrainEmbeddingGenerator(
        this IServiceCollection services, string path, Action<QuatrainEmbeddingOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        QuatrainEmbeddingOptions options = new();
        configure?.Invoke(options);
        return services.AddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(_ => QuatrainEmbeddingGenerator.Open(path, options));
    }

    /// <summary>Adds a <see cref="TextClassifier"/>: one for all, loaded when it is first asked for, freed with the provider when the calls under way have ended.</summary>
    /// <param name="services">The services.</param>
    /// <param name="path">As for <see cref="TextClassifier.Load"/>, which says what it throws when the classifier is asked for.</param>
    /// <param name="configure">Sets options, or null.</param>
    public static IServiceCollection AddTextClassifier(this IServiceCollection services, string path, Action<TextClassifierOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        TextClassifierOptions options = new();
        configure?.Invoke(options);
        return services.AddSingleton(_ => TextClassifier.Load(path, options));
    }

    /// <summary>Adds a <see cref="TextClassifier"/> under a key, for programs with several; otherwise as <see cref="AddTextClassifier"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">What it is asked for by.</param>
    /// <param name="path">As for <see cref="TextClassifier.Load"/>, which says what it throws when the classifier is asked for.</param>
    /// <param name="configure">Sets options, or null.</param>
    public static IServiceCollection AddKeyedTextClassifier(
        this IServiceCollection services, object? key, string path, Action<TextClassifierOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        TextClassifierOptions options = new();
        configure?.Invoke(options);
        return services.AddKeyedSingleton(key, (_, _) => TextClassifier.Load(path, options));
    }
}
