using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Cli.Tests.Hosting;

[Collection(TinyRunTests.Name)]
public sealed class LoadedModelTests(TinyRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The rows that fill up the table are made as likely as can be, and still no draw and no loss knows them.</summary>
    [Fact]
    public async Task What_fills_up_a_table_is_neither_drawn_nor_scored()
    {
        string padded = run.CopyTo(_folder);
        using (Gpt2Model model = Gpt2Checkpoint.Load(run.Path))
        {
            using Gpt2Model larger = new(model.Config with { VocabularySize = 64 });
            foreach (Parameter parameter in model.Parameters.Parameters)
            {
                parameter.Tensor.Values.CopyTo(larger.Parameters[parameter.Name].Tensor.Values);
            }

            larger.Parameters["wte.weight"].Tensor.Values[model.Parameters["wte.weight"].Tensor.Shape.ElementCount..].Fill(100);
            Gpt2Checkpoint.Save(padded, larger);
        }

        foreach (string[] arguments in (string[][])[["generate", "--max-tokens", "50", "--temperature", "2", "--seed", "3"], ["eval", "--data", run.TextPath]])
        {
            JsonElement expected = (await CommandLine.Run([arguments[0], run.Path, "--json", "--threads", "1", .. arguments[1..]])).Json();
            JsonElement json = (await CommandLine.Run([arguments[0], padded, "--json", "--threads", "1", .. arguments[1..]])).Json();
            string name = arguments[0] == "eval" ? "loss" : "ids";
            json.GetProperty(name).GetRawText().ShouldBe(expected.GetProperty(name).GetRawText());
        }
    }
}
