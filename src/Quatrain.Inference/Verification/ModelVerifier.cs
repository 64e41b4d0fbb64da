using System.Globalization;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Verification;

/// <summary>Holds a checkpoint, of any format, against what is known of the published model.</summary>
/// <remarks>
/// <para>Weights must be the published ones to the last bit. A file of rounded weights therefore fails that check, and may pass the others.</para>
/// <para>
/// Logits: the golden ones are of another fp32 program, so they agree only as far as fp32 does. Two fp32 engines differ by less than 1e-4 on a model of random
/// weights with the published weights' spread (logits of up to 40; GPT-2's reach 140), and taking one GELU for the other changes that model's logits by 5e-3 to
/// 6e-3; a head, a layer or a bias gone wrong by whole units. The tolerance of 5e-3 lies between.
/// </para>
/// <para>Losses, whose published values are of fp32 programs too, are means over tokens, where errors cancel: 1e-3. The fine-tuning's: 1e-2, as llm.c itself asks.</para>
/// </remarks>
public sealed class ModelVerifier
{
    /// <summary>How far a logit may be off.</summary>
    public const double LogitTolerance = 5e-3;

    /// <summary>How far a loss may be off, in nats a token.</summary>
    public const double LossTolerance = 1e-3;

    /// <summary>How far a loss of the fine-tuning, and its first logit, may be off.</summary>
    public const double TrainingTolerance = 1e-2;

    private readonly Gpt2Source _source;
    private readonly WorkerPool _pool;
    private readonly Action<VerificationCheck> _accept;

    /// <summary>A verifier of the model in <paramref name="source"/>, which it does not own.</summary>
    /// <param name="source">The checkpoint.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="accept">Gets each check once it is made.</param>
    public ModelVerifier(Gpt2Source source, WorkerPool pool, Action<VerificationCheck> accept)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(accept);
        (_source, _pool, _accept) = (source, pool, accept);
    }

    /// <summary>Makes all checks against <paramref name="reference"/>, whose sizes must be the model's.</summary>
    /// <param name="reference">What is known of the model.</param>
    /// <param name="golden">A file with all logits after each of the reference's prompts, <c>NAME.logits_last</c>; null: the largest ones are enough.</param>
    /// <param name="training">Whether to do the fine-tuning too, which takes five times the memory of the weights.</param>
    /// <param name="cancellation">Ends the work between two checks.</param>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    /// <exception cref="InvalidDataException">A weight is not finite, or the golden file lacks a prompt.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public void Verify(ModelReference reference, ITensorFile? golden = null, bool training = true, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (!ModelReference.HaveEqualSizes(_source.Config, reference.Config))
        {
            throw new ArgumentException($"The model is not of the sizes of {reference.Name}.", nameof(reference));
        }

        CheckConfig(reference.Config);
        CheckWeights(reference, cancellation);
        using (Gpt2Model model = Load(_source.Config with { Activation = reference.LogitsActivation }))
        {
            LogitChecks checks = new(model, _pool);
            foreach (LogitsReference logits in reference.Logits)
            {
                cancellation.ThrowIfCancellationRequested();
                _accept(golden is null ? checks.Largest(logits) : checks.All(logits, golden));
            }
        }

        // The published losses are of training without dropout.
        using Gpt2Model own = Load(_source.Config with { EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 });
        TextChecks texts = new(own, _pool);
        foreach (ContinuationReference continuation in reference.Continuations)
        {
            cancellation.ThrowIfCancellationRequested();
            _accept(texts.Continuation(continuation));
        }

        foreach (LossReference loss in reference.Losses)
        {
            cancellation.ThrowIfCancellationRequested();
            _accept(texts.Loss(loss));
        }

        if (training && reference.Training is { } batch)
        {
            // Last, because it changes the weights.
            TrainingChecks.Run(own, batch, _pool, _accept, cancellation);
        }
    }

    /// <summary>What can be checked of a model nothing is known about: that its weights and logits are numbers, and that decoding with a cache gives the same logits.</summary>
    /// <exception cref="InvalidDataException">A weight is not finite.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public void VerifyUnknown()
    {
        using Gpt2Model model = Load(_source.Config);
        _accept(new VerificationCheck("weights", "finite", true, string.Create(CultureInfo.InvariantCulture, $"all {_source.Config.ParameterCount:N0}")));
        _accept(new LogitChecks(model, _pool).Cached());
    }

    private void CheckConfig(Gpt2Config expected)
    {
        Gpt2Config config = _source.Config;
        List<string> differences = [];
        Compare("n_head", config.HeadCount, expected.HeadCount);
        Compare("activation_function", config.Activation, expected.Activation);
        Compare("layer_norm_epsilon", config.LayerNormEpsilon, expected.LayerNormEpsilon);
        _accept(new VerificationCheck("configuration", "sizes and options", differences.Count == 0, differences.Count == 0 ? "as published" : string.Join("; ", differences)));

        void Compare<T>(string name, T actual, T wanted)
            where T : notnull
        {
            if (!actual.Equals(wanted))
            {
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{name} is {actual}, not {wanted}"));
            }
        }
    }

    private void CheckWeights(ModelReference reference, CancellationToken cancellation)
    {
        float[] buffer = [];
        foreach ((string name, Shape shape) in Gpt2Memory.Parameters(_source.Config))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!reference.WeightHashes.TryGetValue(name, out string[]? hashes))
            {
                continue;
            }

            if (buffer.Length < shape.ElementCount)
            {
                buffer = new float[shape.ElementCount];
            }

            Span<float> weight = buffer.AsSpan(0, shape.ElementCount);
            _source.ReadWeight(name, weight);
            int part = weight.Length / hashes.Length, equal = 0;
            for (int i = 0; i < hashes.Length; i++)
            {
                equal += GitBlobHash.Of(weight.Slice(i * part, part)) == hashes[i] ? 1 : 0;
            }

            bool same = equal == hashes.Length;
            _accept(new VerificationCheck("weights", name, same, same ? "as published, bit for bit" : $"differs from the published weight {shape}"));
        }
    }

    private Gpt2Model Load(Gpt2Config config)
    {
        Gpt2Model model = new(config);
        try
        {
            foreach (Parameter parameter in model.Parameters.Parameters)
            {
                _source.ReadWeight(parameter.Name, parameter.Tensor.Values);
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
