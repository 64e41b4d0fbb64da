using System.Runtime.InteropServices;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Gpt2.Sources;

/// <summary>Compares models that were read from files of different formats.</summary>
internal static class ImportedModels
{
    public static Gpt2Model Load(string fixture) => Gpt2Checkpoint.Load(ImportFixtures.Path(fixture));

    /// <summary>Requires the same weights, bit for bit, and the same logits.</summary>
    public static void ShouldBeTheSame(Gpt2Model actual, Gpt2Model expected)
    {
        foreach ((Parameter left, Parameter right) in actual.Parameters.Parameters.Zip(expected.Parameters.Parameters))
        {
            left.Name.ShouldBe(right.Name);
            Bits(left.Tensor.Values).ShouldBe(Bits(right.Tensor.Values), left.Name);
        }

        Bits(Logits(actual)).ShouldBe(Bits(Logits(expected)));
    }

    public static float[] Logits(Gpt2Model model)
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        return model.Forward(tape, TestModels.Tokens(11, model.Config.VocabularySize), 1).Values.ToArray();
    }

    private static int[] Bits(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, int>(values).ToArray();
}
