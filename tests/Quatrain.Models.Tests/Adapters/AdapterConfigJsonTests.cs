using Quatrain.Models.Adapters;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Models.Tests.Gpt2;

namespace Quatrain.Models.Tests.Adapters;

public sealed class AdapterConfigJsonTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.File(AdapterFolder.ConfigFileName);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_PEFT_writes_is_read()
    {
        AdapterDescription description = AdapterConfigJson.Read(Path.Combine(ImportFixtures.Path("peft-lora"), AdapterFolder.ConfigFileName));

        (description.BaseModel, description.Task).ShouldBe(("../hf-f32", AdapterTask.CausalLanguageModel));
        description.SavedModules.ShouldBeEmpty();
        description.Lora.Targets.ShouldBe(["c_attn", "c_fc", "mlp.c_proj"]);
        (description.Lora.Rank, description.Lora.Alpha, description.Lora.Dropout, description.Lora.Scale).ShouldBe((3, 6, 0, 2));
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        LoraConfig lora = new() { Rank = 5, Alpha = 12.5, Dropout = 0.1f, Targets = ["attn.c_attn", "h.1.mlp.c_fc"], RankStabilized = true };
        File.WriteAllBytes(FilePath, AdapterConfigJson.Write(new AdapterDescription(lora, "gpt2", AdapterTask.SequenceClassification, ["score"])).ToArray());

        AdapterDescription read = AdapterConfigJson.Read(FilePath);

        (read.BaseModel, read.Task).ShouldBe(("gpt2", AdapterTask.SequenceClassification));
        read.SavedModules.ShouldBe(["score"]);
        read.Lora.Targets.ShouldBe(lora.Targets);
        (read.Lora with { Targets = [] }).ShouldBe(lora with { Targets = [] });
        File.ReadAllText(FilePath).ShouldContain("\"fan_in_fan_out\": true");
    }

    [Theory]
    [InlineData("\"peft_type\": \"IA3\"", "peft_type is 'IA3', and only 'LORA' is supported")]
    [InlineData("\"bias\": \"all\"", "bias is 'all', and only 'none' is supported")]
    [InlineData("\"use_dora\": true", "use_dora is set")]
    [InlineData("\"lora_bias\": true", "lora_bias is set")]
    [InlineData("\"rank_pattern\": {\"c_attn\": 4}", "rank_pattern is set")]
    [InlineData("\"alpha_pattern\": {\"c_attn\": 4}", "alpha_pattern is set")]
    [InlineData("\"layers_to_transform\": [0]", "layers_to_transform is set")]
    [InlineData("\"layers_to_transform\": 0", "layers_to_transform is set")]
    [InlineData("\"exclude_modules\": \"c_fc\"", "exclude_modules is set")]
    [InlineData("\"init_lora_weights\": \"pissa\"", "init_lora_weights is 'pissa', which changes the base too")]
    [InlineData("\"task_type\": \"TOKEN_CLS\"", "task_type is 'TOKEN_CLS'")]
    [InlineData("\"r\": 0", "The LoRA rank is 0")]
    [InlineData("\"r\": 2.5", "r is '2.5', not a whole number")]
    [InlineData("\"r\": 100000000", "The LoRA rank is 100000000")]
    [InlineData("\"lora_alpha\": \"8\"", "lora_alpha is '\"8\"', not a number")]
    [InlineData("\"lora_alpha\": -1", "The LoRA alpha is -1")]
    [InlineData("\"lora_dropout\": 1", "The LoRA dropout is 1")]
    [InlineData("\"target_modules\": [1]", "target_modules is '[1]', not a list of at most")]
    [InlineData("\"target_modules\": {}", "target_modules is '{}', not a list of at most")]
    [InlineData("\"modules_to_save\": \"score\"", "modules_to_save is '\"score\"', not a list")]
    [InlineData("\"use_rslora\": 1", "use_rslora is '1', not true or false")]
    public void What_cannot_be_honoured_is_refused_in_one_sentence(string setting, string problem)
    {
        string name = setting[..setting.IndexOf(':', StringComparison.Ordinal)];
        string[] usual = ["\"peft_type\": \"LORA\"", "\"r\": 4", "\"lora_alpha\": 8", "\"target_modules\": [\"c_attn\"]"];
        File.WriteAllText(FilePath, $"{{{string.Join(", ", usual.Where(other => !other.StartsWith(name, StringComparison.Ordinal)).Append(setting))}}}");

        string message = Should.Throw<InvalidDataException>(() => AdapterConfigJson.Read(FilePath)).Message;

        message.ShouldContain(problem);
        message.ShouldContain(FilePath);
        message.ShouldEndWith(".");
    }

    [Theory]
    [InlineData("\"init_lora_weights\": \"gaussian\"")]
    [InlineData("\"init_lora_weights\": false")]
    [InlineData("\"use_dora\": false")]
    [InlineData("\"layers_to_transform\": []")]
    [InlineData("\"loftq_config\": {}")]
    [InlineData("\"of_the_future\": [{}]")]
    [InlineData("\"fan_in_fan_out\": false")]
    public void What_changes_nothing_is_passed_over(string setting)
    {
        File.WriteAllText(FilePath, $"{{\"peft_type\": \"LORA\", \"target_modules\": \"all-linear\", {setting}}}");

        AdapterDescription read = AdapterConfigJson.Read(FilePath);

        (read.Lora.Rank, read.Lora.Alpha, read.Lora.TargetExpression, read.BaseModel).ShouldBe((8, 8, "all-linear", ""));
    }
}
