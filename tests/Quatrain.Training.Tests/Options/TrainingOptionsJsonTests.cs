using Quatrain.Training.Options;

namespace Quatrain.Training.Tests.Options;

public class TrainingOptionsJsonTests
{
    // One other value for each option; a new option needs its line here.
    private static readonly Dictionary<string, string> Others = new()
    {
        ["preset"] = "nano",
        ["data"] = "some \"folder\"/ü",
        ["tokenizer"] = "gpt2",
        ["end_of_text"] = "false",
        ["layer_count"] = "7",
        ["head_count"] = "8",
        ["embedding_size"] = "96",
        ["context_length"] = "33",
        ["bias"] = "true",
        ["activation"] = "relu",
        ["tie_embeddings"] = "false",
        ["initialization"] = "gpt2",
        ["dropout"] = "0.1",
        ["batch_size"] = "5",
        ["accumulation_steps"] = "3",
        ["iterations"] = "77",
        ["learning_rate"] = "0.00031415926535897931",
        ["min_learning_rate"] = "1e-05",
        ["warmup_iterations"] = "11",
        ["decay_iterations"] = "60",
        ["beta1"] = "0.8",
        ["beta2"] = "0.95",
        ["epsilon"] = "1e-09",
        ["weight_decay"] = "0.01",
        ["gradient_clip"] = "0",
        ["validation_fraction"] = "0.2",
        ["eval_every"] = "9",
        ["eval_tokens"] = "0",
        ["checkpoint_every"] = "8",
        ["sample_every"] = "6",
        ["sample_tokens"] = "12",
        ["seed"] = "9223372036854775807",
    };

    [Fact]
    public void Every_option_is_set_written_and_read_back()
    {
        Others.Keys.ShouldBe(OptionKeys.All.Select(key => key.Name), ignoreOrder: true);
        TrainingOptions options = new();
        foreach (OptionKey key in OptionKeys.All)
        {
            string before = key.Format(options);
            options = TrainingOptionsJson.Set(options, key.CommandLineName, Others[key.Name]);
            key.Format(options).ShouldNotBe(before, key.Name);
        }

        TrainingOptionsJson.Parse(TrainingOptionsJson.Write(options), "text").ShouldBe(options);
    }

    [Fact]
    public void There_is_one_key_for_each_property()
    {
        string[] properties = [.. typeof(TrainingOptions).GetProperties().Select(property => property.Name.ToLowerInvariant())];

        OptionKeys.All.Select(key => key.Name.Replace("_", "", StringComparison.Ordinal)).ShouldBe(properties, ignoreOrder: true);
    }

    [Fact]
    public void Keys_describe_themselves()
    {
        foreach (OptionKey key in OptionKeys.All)
        {
            key.Description.ShouldEndWith(".");
            key.Format(new TrainingOptions()).ShouldBe(key.Default);
            (key.Choices.Count > 0).ShouldBe(key.Kind == OptionKind.Choice);
        }

        OptionKeys.Find("epsilon")!.Default.ShouldBe("1e-08");
    }

    [Fact]
    public void Write_is_stable_and_indented()
    {
        string json = TrainingOptionsJson.Write(new TrainingOptions());

        json.ShouldStartWith("{\n  \"preset\": \"\",\n  \"data\": \"quatrains\",\n  \"tokenizer\": \"characters\",\n  \"end_of_text\": true,\n  \"layer_count\": 4,\n");
        json.ShouldContain("  \"bias\": false,\n  \"activation\": \"gelu_exact\",\n");
        json.ShouldEndWith("  \"seed\": 1337\n}\n");
    }

    [Fact]
    public void Parse_keeps_what_the_file_does_not_name()
    {
        TrainingOptions start = new() { BatchSize = 3 };

        TrainingOptionsJson.Parse("""{ "iterations": 9 }""", "text", start).ShouldBe(start with { Iterations = 9 });
    }

    [Fact]
    public void Parse_starts_from_the_preset_wherever_it_stands() =>
        TrainingOptionsJson.Parse("""{ "iterations": 9, "preset": "nano" }""", "text").ShouldBe(Presets.Load("nano") with { Iterations = 9 });

    [Theory]
    [InlineData("""{ "batchsize": 4 }""", "Unknown option 'batchsize' in run.json; did you mean 'batch_size'?")]
    [InlineData("""{ "xyzzy": 4 }""", "Unknown option 'xyzzy' in run.json.")]
    [InlineData("""{ "batch_size": "4" }""", "Option 'batch_size' in run.json must be a whole number from 1 to 1048576, not \"4\".")]
    [InlineData("""{ "batch_size": 4.5 }""", "Option 'batch_size' in run.json must be a whole number from 1 to 1048576, not 4.5.")]
    [InlineData("""{ "batch_size": 99999999999999999999999 }""", "Option 'batch_size' in run.json must be a whole number")]
    [InlineData("""{ "batch_size": null }""", "not null.")]
    [InlineData("""{ "batch_size": [4] }""", "not a list.")]
    [InlineData("""{ "bias": 1 }""", "Option 'bias' in run.json must be true or false, not 1.")]
    [InlineData("""{ "learning_rate": 1e999 }""", "Option 'learning_rate' in run.json must be a number above 0 and at most 1, not 1e999.")]
    [InlineData("""{ "activation": "gelu" }""", "must be one of gelu_exact, gelu_tanh, relu, not 'gelu'.")]
    [InlineData("""{ "data": "" }""", "Option 'data' in run.json must be quatrains, shakespeare or a path, not ''.")]
    [InlineData("""{ "data": "\ud800" }""", "run.json holds text that is not valid Unicode")]
    [InlineData("""{ "\ud800": 1 }""", "run.json holds text that is not valid Unicode")]
    [InlineData("""{ "bias": true, "bias": false }""", "Option 'bias' stands twice in run.json")]
    [InlineData("""{ "preset": "nono" }""", "Unknown preset 'nono'; did you mean 'nano'? There are distilgpt2, gpt2")]
    [InlineData("""[1]""", "run.json must hold one JSON object, not a list.")]
    [InlineData("{\n  \"bias\": true,\n}", "run.json is not valid JSON at line 3")]
    [InlineData("{ // no comments\n}", "run.json is not valid JSON at line 1")]
    [InlineData("", "run.json is not valid JSON")]
    public void Parse_refuses_in_one_sentence(string json, string expected)
    {
        string message = Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Parse(json, "run.json")).Message;

        message.ShouldContain(expected);
        message.ShouldNotContain('\n');
    }

    [Theory]
    [InlineData("--batchsize", "4", "Unknown option '--batchsize'; did you mean '--batch-size'?")]
    [InlineData("--batch-size", "many", "--batch-size must be a whole number from 1 to 1048576, not many.")]
    [InlineData("batch_size", "1,000", "--batch-size must be")]
    [InlineData("--dropout", "NaN", "--dropout must be a number of at least 0 and below 1, not NaN.")]
    [InlineData("--bias", "yes", "--bias must be true or false, not yes.")]
    public void Set_refuses_in_one_sentence(string name, string value, string expected) =>
        Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Set(new(), name, value)).Message.ShouldStartWith(expected);

    [Fact]
    public void Refusals_stay_short_whatever_the_file_holds()
    {
        string json = $$"""{ "activation": "{{new string('x', 100_000)}}" }""";

        Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Parse(json, "run.json")).Message.Length.ShouldBeLessThan(200);
        json = $$"""{ "{{new string('x', 100_000)}}": 1 }""";
        Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Parse(json, "run.json")).Message.Length.ShouldBeLessThan(200);
    }

    [Fact]
    public void Read_takes_a_byte_order_mark_and_names_the_file_in_errors()
    {
        using TemporaryFolder folder = new();
        string good = folder.WriteBytes("good.json", [0xEF, 0xBB, 0xBF, .. """{ "seed": 5 }"""u8]);
        string bad = folder.WriteText("bad.json", """{ "sead": 5 }""");
        string large = folder.WriteText("large.json", new string(' ', (1 << 20) + 1));

        TrainingOptionsJson.Read(good).Seed.ShouldBe(5ul);
        Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Read(bad)).Message.ShouldBe($"Unknown option 'sead' in {bad}; did you mean 'seed'?");
        Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Read(large)).Message.ShouldContain("too long");
        Should.Throw<InvalidDataException>(() => TrainingOptionsJson.Read(folder.File("none.json"))).Message.ShouldContain("There is no options file");
    }
}
