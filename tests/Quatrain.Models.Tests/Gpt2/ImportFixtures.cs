using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>The one tiny model of tests/fixtures/import, written in many formats by a script that shares no code with the readers.</summary>
internal static class ImportFixtures
{
    private static readonly string Folder = System.IO.Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "import");

    public static string Path(string name) => System.IO.Path.Combine(Folder, name);

    /// <summary>Copies a folder of fixtures into another, so that it can be damaged there.</summary>
    public static void CopyTo(string name, string folder)
    {
        foreach (string file in Directory.EnumerateFiles(Path(name)))
        {
            File.Copy(file, System.IO.Path.Combine(folder, System.IO.Path.GetFileName(file)), overwrite: true);
        }
    }

    public static int[] Tokens => FixtureFile.Open("import/logits").Ints("tokens");

    /// <summary>PyTorch's logits of <see cref="Tokens"/> with the weights rounded as the variant says.</summary>
    public static float[] Logits(string variant) => FixtureFile.Open("import/logits").Floats($"logits/{variant}");

    public static float[] LogitsOf(string path)
    {
        using ILanguageModel model = ModelFile.Load(path);
        return LogitsOf(model);
    }

    public static float[] LogitsOf(ILanguageModel model)
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        return model.Forward(tape, Tokens, batchSize: 1).Values.ToArray();
    }

    public static Dictionary<string, float[]> Weights(string path)
    {
        using ILanguageModel model = ModelFile.Load(path);
        return model.Parameters.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Tensor.Values.ToArray());
    }

    public static void ShouldHoldTheSame(Dictionary<string, float[]> actual, Dictionary<string, float[]> expected)
    {
        actual.Keys.ShouldBe(expected.Keys);
        foreach ((string name, float[] values) in expected)
        {
            actual[name].Select(BitConverter.SingleToUInt32Bits).ShouldBe(values.Select(BitConverter.SingleToUInt32Bits), name);
        }
    }

    /// <summary>Requires the same weights, bit for bit, and the same logits of two models.</summary>
    public static void ShouldBeTheSame(string actual, string expected)
    {
        ShouldHoldTheSame(Weights(actual), Weights(expected));
        LogitsOf(actual).Select(BitConverter.SingleToUInt32Bits).ShouldBe(LogitsOf(expected).Select(BitConverter.SingleToUInt32Bits));
    }
}
