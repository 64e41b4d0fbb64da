using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Quatrain.Inference.Verification;
using Quatrain.Models;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Tests.Verification;

/// <summary>The true weights are not part of the tests, so facts are made up from a tiny random model: it passes, and whatever is changed fails.</summary>
public sealed class ModelVerifierTests : IDisposable
{
    private const int Steps = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("quatrain-").FullName;
    private readonly WorkerPool _pool = new(1);
    private readonly Gpt2Model _model = RandomModel.Create(contextLength: 24, vocabularySize: 40);

    public ModelVerifierTests() => Gpt2Checkpoint.Save(_folder, _model);

    public void Dispose()
    {
        _model.Dispose();
        _pool.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void The_model_that_the_facts_are_of_passes_every_check()
    {
        List<VerificationCheck> checks = Verify(Reference());

        checks.ShouldAllBe(check => check.Passed);
        checks.CountBy(check => check.Group).Select(pair => (pair.Key, pair.Value)).ShouldBe(
        [
            ("configuration", 1), ("weights", _model.Parameters.Parameters.Count), ("logits", 2), ("continuations", 1), ("losses", 1), ("training", Steps + 1),
        ]);
        checks.Where(check => check.Error is not null).ShouldAllBe(check => check.Error < 1e-5);
    }

    [Fact]
    public void One_changed_bit_is_found_and_named()
    {
        ModelReference reference = Reference();
        ref float weight = ref _model.Parameters["h.1.mlp.c_fc.weight"].Tensor.Values[77];
        weight = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(weight) ^ 1);
        Gpt2Checkpoint.Save(_folder, _model);

        VerificationCheck failed = Verify(reference).Where(check => !check.Passed).ShouldHaveSingleItem();

        (failed.Group, failed.Name).ShouldBe(("weights", "h.1.mlp.c_fc.weight"));
    }

    [Fact]
    public void A_changed_second_half_is_found()
    {
        ModelReference reference = Reference();
        _model.Parameters["wte.weight"].Tensor.Values[^1] += 1e-6f;
        Gpt2Checkpoint.Save(_folder, _model);

        Failed(reference, training: false).ShouldBe(["wte.weight"]);
    }

    [Fact]
    public void Facts_that_are_not_the_model_s_fail_one_by_one()
    {
        ModelReference reference = Reference();
        LogitsReference logits = reference.Logits[0];
        (int Id, float Logit)[] wrong = [.. logits.Top];
        wrong[3].Logit += 0.01f;
        Failed(reference with { Logits = [logits with { Top = wrong }] }).ShouldBe(["a"]);
        // Without the largest of them, another token's logit comes among those that are left.
        Failed(reference with { Logits = [logits with { Top = logits.Top[1..] }] }).ShouldBe(["a"]);
        wrong[3].Logit = float.NaN;
        Failed(reference with { Logits = [logits with { Top = wrong }] }).ShouldBe(["a"]);

        ContinuationReference continuation = reference.Continuations[0];
        int[] other = [.. continuation.Expected];
        other[^1] = (other[^1] + 1) % 40;
        VerificationCheck check = Verify(reference with { Continuations = [continuation with { Expected = other }] }).Single(check => !check.Passed);
        check.Name.ShouldBe("greedy");
        check.Detail.ShouldStartWith($"token {other.Length} of {other.Length} is {continuation.Expected[^1]}, not {other[^1]}");

        Failed(reference with { Losses = [reference.Losses[0] with { Loss = reference.Losses[0].Loss + 0.002 }] }).ShouldBe(["loss"]);
        double[] losses = [.. reference.Training!.Losses];
        losses[1] -= 0.02;
        Failed(reference with { Training = reference.Training with { Losses = losses } }).ShouldBe(["loss before step 2"]);
        Failed(reference with { Training = reference.Training with { FirstLogit = reference.Training.FirstLogit + 0.02f } }).ShouldBe(["first logit"]);
    }

    [Fact]
    public void A_configuration_that_computes_something_else_fails()
    {
        ModelReference reference = Reference();
        Gpt2ConfigJson.Write(Path.Combine(_folder, ModelFolder.ConfigFileName), _model.Config with { Activation = Activation.GeluExact, LayerNormEpsilon = 1e-6f });

        VerificationCheck check = Verify(reference, training: false).First();

        check.Passed.ShouldBeFalse();
        check.Detail.ShouldBe("activation_function is GeluExact, not GeluTanh; layer_norm_epsilon is 1E-06, not 1E-05");
        ModelReference larger = reference with { Config = reference.Config with { LayerCount = 3 } };
        Should.Throw<ArgumentException>(() => Verify(larger));
    }

    [Fact]
    public void Dropout_in_the_configuration_does_not_disturb_the_fine_tuning()
    {
        ModelReference reference = Reference();
        Gpt2ConfigJson.Write(
            Path.Combine(_folder, ModelFolder.ConfigFileName), _model.Config with { EmbeddingDropout = 0.5f, AttentionDropout = 0.5f, ResidualDropout = 0.5f });

        Failed(reference).ShouldBeEmpty();
    }

    [Fact]
    public void A_golden_file_holds_every_logit()
    {
        ModelReference reference = Reference();
        string path = Path.Combine(_folder, "golden.safetensors");
        float[] first = Logits(reference.Logits[0].Ids), second = Logits(reference.Logits[1].Ids);
        // The smallest of them is far from the built-in largest.
        Write(("a.logits_last", first), ("b.logits_last", second));
        Failed(reference, path).ShouldBeEmpty();
        second[Array.IndexOf(second, second.Min())] -= 0.01f;
        Write(("a.logits_last", first), ("b.logits_last", second));
        Failed(reference, path).ShouldBe(["b"]);
        Failed(reference).ShouldBeEmpty();
        Write(("a.logits_last", first), ("b.logits_last", second[1..]));
        Should.Throw<InvalidDataException>(() => Failed(reference, path)).Message.ShouldBe(
            $"'{path}' has no b.logits_last of 40 logits; use the golden file that belongs to the model.");

        void Write(params (string Name, float[] Values)[] tensors) => SafetensorsWriter.Write(
            path, [.. tensors.Select(tensor => new SafetensorsTensor(tensor.Name, [tensor.Values.Length], () => tensor.Values))], new Dictionary<string, string>());
    }

    [Fact]
    public void A_model_nothing_is_known_of_is_checked_for_being_whole()
    {
        List<VerificationCheck> checks = [];
        using (Gpt2Source source = Gpt2Source.Open(_folder))
        {
            ModelReference.For(source.Config).ShouldBeNull();
            new ModelVerifier(source, _pool, checks.Add).VerifyUnknown();
        }

        checks.Select(check => (check.Group, check.Passed)).ShouldBe([("weights", true), ("logits", true)]);
        _model.Parameters["ln_f.weight"].Tensor.Values.Fill(3e38f);
        Gpt2Checkpoint.Save(_folder, _model);
        using Gpt2Source infinite = Gpt2Source.Open(_folder);
        checks.Clear();
        new ModelVerifier(infinite, _pool, checks.Add).VerifyUnknown();
        checks[^1].ShouldBe(new VerificationCheck("logits", "with and without a cache", false, "not all are numbers"));
    }

    private ModelReference Reference()
    {
        Dictionary<string, string[]> hashes = _model.Parameters.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => Hashes(parameter.Tensor.Values.ToArray(), parameter.Name == "wte.weight" ? 2 : 1));
        int[] greedy = [5, 6, 7];
        while (greedy.Length < 15)
        {
            float[] logits = Logits(greedy, exact: false);
            greedy = [.. greedy, Array.IndexOf(logits, logits.Max())];
        }

        int[] text = [3, 9, 1, 0, 22, 39];
        return new ModelReference(
            "a tiny model", _model.Config, hashes, Activation.GeluExact, [Top("a", 1, 2, 3, 4), Top("b", 30, 20, 10)],
            [new ContinuationReference("greedy", greedy[..3], greedy[3..])],
            [new LossReference("loss", text, Enumerable.Range(1, 5).Average(i => Loss(Logits(text[..i], exact: false), text[i])))], Training());

        LogitsReference Top(string name, params int[] ids) =>
            new(name, ids, [.. Logits(ids).Select((logit, id) => (id, logit)).OrderByDescending(entry => entry.logit).Take(5)]);
    }

    /// <summary>By PyTorch's order of things: forward, loss, backward, step, over a copy of the model.</summary>
    private TrainingReference Training()
    {
        int[] ids = [.. Enumerable.Range(0, 21).Select(i => i * 7 % 40)];
        using Gpt2Model copy = RandomModel.Create(24, 40);
        using AdamW optimizer = new(copy.Parameters, new AdamWOptions { Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8, WeightDecay = 0.01, GradientClip = 0 });
        using Tape tape = new(_pool, recording: true);
        List<double> losses = [];
        float first = 0;
        for (int step = 0; step < Steps; step++)
        {
            copy.Parameters.ForgetGradients();
            tape.Begin();
            Tensor logits = copy.Forward(tape, ids.AsSpan(0, 20), 2);
            first = step == 0 ? logits.Values[0] : first;
            losses.Add(Enumerable.Range(0, 20).Average(i => Loss(logits.Values.Slice(i * 40, 40).ToArray(), ids[i + 1])));
            tape.Backward(CrossEntropyOp.Forward(tape, logits, ids.AsSpan(1)));
            optimizer.Update(0.01, optimizer.GradientNorm(_pool), _pool);
        }

        losses[2].ShouldBeLessThan(losses[0] - 0.1);
        return new TrainingReference("steps", ids, 2, 0.01, 0.9, 0.999, 1e-8, 0.01, first, [.. losses]);
    }

    private static string[] Hashes(float[] values, int parts)
    {
        byte[] bytes = new byte[4 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), values[i]);
        }

#pragma warning disable CA5350
        return [.. bytes.Chunk(bytes.Length / parts).Select(part =>
            Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {part.Length}"), 0, .. part])))];
#pragma warning restore CA5350
    }

    private static double Loss(float[] logits, int target) => Math.Log(logits.Sum(logit => Math.Exp(logit))) - logits[target];

    private float[] Logits(int[] ids, bool exact = true)
    {
        using Gpt2Model model = new(_model.Config with { Activation = exact ? Activation.GeluExact : Activation.GeluTanh });
        foreach (Parameter parameter in _model.Parameters.Parameters)
        {
            parameter.Tensor.Values.CopyTo(model.Parameters[parameter.Name].Tensor.Values);
        }

        using Tape tape = new(_pool, recording: false);
        tape.Begin();
        return model.Forward(tape, ids, 1).Values[^40..].ToArray();
    }

    private string[] Failed(ModelReference reference, string? golden = null, bool training = true) =>
        [.. Verify(reference, golden, training).Where(check => !check.Passed).Select(check => check.Name)];

    private List<VerificationCheck> Verify(ModelReference reference, string? golden = null, bool training = true)
    {
        List<VerificationCheck> checks = [];
        using Gpt2Source source = Gpt2Source.Open(_folder);
        using SafetensorsFile? file = golden is null ? null : SafetensorsFile.Open(golden);
        new ModelVerifier(source, _pool, checks.Add).Verify(reference, file, training);
        return checks;
    }
}
