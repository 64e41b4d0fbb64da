using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Inference;

namespace Quatrain.Cli.Tests.Display;

public sealed class GenerationOutputTests
{
    [Fact]
    public void Texts_are_written_in_order_and_what_waits_in_vain_at_the_end()
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        GenerationOutput output = new(writer, json: false, isFile: true, samples: 2);

        output.Add(Text(0, 1));
        output.Add(Text(1, 1));
        writer.ToString().ShouldBeEmpty();
        output.Add(Text(0, 0));
        writer.ToString().ShouldBe("=== 1, sample 1 ===\np0 0\n=== 1, sample 2 ===\np0 1\n");
        output.Add(Text(2, 0));
        output.WriteRest();

        writer.ToString().ShouldEndWith("=== 1, sample 2 ===\np0 1\n=== 2, sample 2 ===\np1 1\n=== 3, sample 1 ===\np2 0\n");
        output.WriteRest();
        writer.ToString().Split("===").Length.ShouldBe(9);
    }

    private static GeneratedText Text(int prompt, int sample) =>
        new(prompt, sample, $"p{prompt}", 1, new GenerationResult($" {sample}", [1], 0, [2], FinishReason.Length, 1));
}
