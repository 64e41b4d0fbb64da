using System.Text;
using System.Text.Json;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2ConfigJsonTests : IDisposable
{
    // The published configuration of the smallest GPT-2, as Hugging Face has it.
    private const string Published = """
        {
          "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 50256,
          "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
          "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "resid_pdrop": 0.1,
          "summary_activation": null, "summary_type": "cls_index",
          "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}, "vocab_size": 50257
        }
        """;

    private const string Smallest = """
        {"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 6, "n_positions": 4, "vocab_size": 5}
        """;

    private readonly TemporaryFolder _folder = new();

    private string ConfigPath => _folder.File("config.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_understands_the_published_configuration()
    {
        Read(Published).ShouldBe(new Gpt2Config
        {
            LayerCount = 12,
            HeadCount = 12,
            EmbeddingSize = 768,
            ContextLength = 1024,
            VocabularySize = 50_257,
            EmbeddingDropout = 0.1f,
            AttentionDropout = 0.1f,
            ResidualDropout = 0.1f,
        });
    }

    [Fact]
    public void Read_fills_in_what_is_absent_as_Hugging_Face_does()
    {
        Gpt2Config config = Read(Smallest);

        config.Activation.ShouldBe(Activation.GeluTanh);
        config.LayerNormEpsilon.ShouldBe(1e-5f);
        config.Bias.ShouldBeTrue();
        config.TieEmbeddings.ShouldBeTrue();
        new[] { config.EmbeddingDropout, config.AttentionDropout, config.ResidualDropout }.ShouldBe([0.1f, 0.1f, 0.1f]);
    }

    [Theory]
    [InlineData(Activation.GeluTanh, true, true, 0f, 0.1f, 0.25f, 1e-5f)]
    [InlineData(Activation.GeluExact, false, true, 0.3f, 0f, 0f, 1e-6f)]
    [InlineData(Activation.Relu, true, false, 0.999999f, 1e-9f, 0.2f, 0.0123f)]
    public void Write_and_Read_give_the_same_configuration(
        Activation activation, bool bias, bool tied, float embedding, float attention, float residual, float epsilon)
    {
        Gpt2Config config = TestModels.Config with
        {
            Activation = activation,
            Bias = bias,
            TieEmbeddings = tied,
            EmbeddingDropout = embedding,
            AttentionDropout = attention,
            ResidualDropout = residual,
            LayerNormEpsilon = epsilon,
        };

        Gpt2ConfigJson.Write(ConfigPath, config);

        Gpt2ConfigJson.Read(ConfigPath).ShouldBe(config);
    }

    [Fact]
    public void Write_uses_Hugging_Faces_names_and_the_same_bytes_everywhere()
    {
        Gpt2ConfigJson.Write(ConfigPath, TestModels.Config);

        File.ReadAllText(ConfigPath).ShouldBe(
            """
            {
              "model_type": "gpt2",
              "architectures": [
                "GPT2LMHeadModel"
              ],
              "n_layer": 2,
              "n_head": 3,
              "n_embd": 12,
              "n_positions": 21,
              "vocab_size": 29,
              "activation_function": "gelu_new",
              "bias": true,
              "tie_word_embeddings": true,
              "embd_pdrop": 0,
              "attn_pdrop": 0,
              "resid_pdrop": 0,
              "layer_norm_epsilon": 1E-05
            }

            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Write_refuses_what_Read_would_refuse() =>
        Should.Throw<InvalidDataException>(() => Gpt2ConfigJson.Write(ConfigPath, TestModels.Config with { HeadCount = 5 }));

    [Theory]
    [InlineData("gelu_new", Activation.GeluTanh)]
    [InlineData("gelu_pytorch_tanh", Activation.GeluTanh)]
    [InlineData("gelu", Activation.GeluExact)]
    [InlineData("relu", Activation.Relu)]
    public void Read_knows_the_names_of_the_activations(string name, Activation expected) =>
        Read(With("activation_function", $"\"{name}\"")).Activation.ShouldBe(expected);

    [Fact]
    public void Read_takes_n_ctx_where_n_positions_is_absent()
    {
        Read(Smallest.Replace("n_positions", "n_ctx", StringComparison.Ordinal)).ContextLength.ShouldBe(4);
        Read(With("n_ctx", "3")).ContextLength.ShouldBe(4);
    }

    /// <summary>The larger sizes and distilled ones carry what tasks and old versions left behind, and newer versions write null for what is not set.</summary>
    [Theory]
    [InlineData(24, 16, 1024, "\"n_special\": 0, \"predict_special_tokens\": true, \"summary_first_dropout\": 0.1, \"summary_proj_to_labels\": true, \"summary_use_proj\": true")]
    [InlineData(36, 20, 1280, "\"n_inner\": null, \"reorder_and_upcast_attn\": null, \"scale_attn_by_inverse_layer_idx\": null, \"scale_attn_weights\": null")]
    [InlineData(48, 25, 1600, "\"output_past\": true, \"torch_dtype\": \"float32\", \"transformers_version\": \"4.30.0\", \"use_cache\": true")]
    [InlineData(6, 12, 768, "\"_num_labels\": 1, \"id2label\": {\"0\": \"LABEL_0\"}, \"label2id\": {\"LABEL_0\": 0}, \"tie_word_embeddings\": null")]
    [InlineData(12, 12, 768, "\"bias\": null, \"pad_token_id\": null, \"dtype\": null, \"_name_or_path\": \"gpt2\", \"quantization_config\": null")]
    public void Read_understands_what_the_configurations_in_use_say(int layers, int heads, int width, string more)
    {
        string json = Published
            .Replace("\"n_layer\": 12", $"\"n_layer\": {layers}", StringComparison.Ordinal)
            .Replace("\"n_head\": 12", $"\"n_head\": {heads}", StringComparison.Ordinal)
            .Replace("\"n_embd\": 768", $"\"n_embd\": {width}, {more}", StringComparison.Ordinal);

        Read(json).ShouldBe(Read(Published) with { LayerCount = layers, HeadCount = heads, EmbeddingSize = width });
    }

    [Theory]
    [InlineData("activation_function")]
    [InlineData("embd_pdrop")]
    [InlineData("layer_norm_epsilon")]
    [InlineData("tie_word_embeddings")]
    [InlineData("bias")]
    [InlineData("n_ctx")]
    [InlineData("scale_attn_weights")]
    public void Read_takes_null_for_absent(string name) => Read(With(name, "null")).ShouldBe(Read(Smallest));

    [Theory]
    [InlineData("n_inner", "null")]
    [InlineData("n_inner", "24")]
    [InlineData("scale_attn_weights", "true")]
    [InlineData("scale_attn_by_inverse_layer_idx", "false")]
    [InlineData("reorder_and_upcast_attn", "false")]
    [InlineData("something_unknown", "{\"a\": [1, 2]}")]
    public void Read_accepts_what_changes_nothing(string name, string value) => Read(With(name, value)).ShouldBe(Read(Smallest));

    [Fact]
    public void Read_passes_over_a_byte_order_mark()
    {
        File.WriteAllText(ConfigPath, Smallest, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

        Gpt2ConfigJson.Read(ConfigPath).EmbeddingSize.ShouldBe(6);
    }

    [Theory]
    [InlineData("model_type")]
    [InlineData("n_layer")]
    [InlineData("n_head")]
    [InlineData("n_embd")]
    [InlineData("n_positions")]
    [InlineData("vocab_size")]
    public void Read_names_a_missing_field(string name) =>
        ShouldRefuse(Smallest.Replace($"\"{name}\"", "\"other\"", StringComparison.Ordinal), $"{name} is missing");

    [Theory]
    [InlineData("n_layer", "\"12\"", "n_layer is '\"12\"', not a whole number")]
    [InlineData("n_layer", "1.5", "n_layer is '1.5', not a whole number")]
    [InlineData("n_layer", "null", "n_layer is 'null', not a whole number")]
    [InlineData("n_embd", "99999999999", "n_embd is '99999999999', not a whole number")]
    [InlineData("n_embd", "2000000000", "n_embd is 2000000000")]
    [InlineData("n_head", "0", "n_head is 0")]
    [InlineData("n_head", "4", "n_embd of 6 is not a multiple of its n_head of 4")]
    [InlineData("vocab_size", "-5", "vocab_size is -5")]
    [InlineData("n_positions", "[4]", "n_positions is '[4]', not a whole number")]
    [InlineData("model_type", "\"llama\"", "model_type is 'llama', not 'gpt2'")]
    [InlineData("model_type", "7", "model_type is '7', not a text")]
    [InlineData("model_type", "\"\\ud800\"", "model_type is not valid Unicode")]
    [InlineData("bias", "1", "bias is '1', not true or false")]
    [InlineData("tie_word_embeddings", "\"false\"", "tie_word_embeddings is '\"false\"', not true or false")]
    [InlineData("embd_pdrop", "\"0.1\"", "embd_pdrop is '\"0.1\"', not a number")]
    [InlineData("embd_pdrop", "1e999", "embd_pdrop")]
    [InlineData("attn_pdrop", "1", "attn_pdrop is 1")]
    [InlineData("resid_pdrop", "-0.5", "resid_pdrop is -0.5")]
    [InlineData("layer_norm_epsilon", "0", "layer_norm_epsilon of 0")]
    [InlineData("layer_norm_epsilon", "true", "layer_norm_epsilon is 'true', not a number")]
    [InlineData("activation_function", "\"swish\"", "activation_function is 'swish', but only 'gelu_new'")]
    [InlineData("n_inner", "25", "n_inner is 25, but only null or 24")]
    [InlineData("n_inner", "\"24\"", "n_inner is '\"24\"', not a whole number")]
    [InlineData("scale_attn_weights", "false", "scale_attn_weights is false, but only true")]
    [InlineData("scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx is true, but only false")]
    [InlineData("reorder_and_upcast_attn", "true", "reorder_and_upcast_attn is true, but only false")]
    [InlineData("reorder_and_upcast_attn", "0", "reorder_and_upcast_attn is '0', not true or false")]
    public void Read_names_a_field_it_cannot_use(string name, string value, string expected) => ShouldRefuse(With(name, value), expected);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{\"model_type\": \"gpt2\",\n\n oops}", "not valid JSON near line 3")]
    [InlineData("[1, 2]", "not a JSON object")]
    [InlineData("null", "not a JSON object")]
    [InlineData("{\"n_layer\": 1, \"n_layer\": 2}", "names a setting twice")]
    [InlineData("{\"\\ud800\": 1, \"\\ud800\": 2}", "the name of a setting is not valid Unicode")]
    [InlineData("{\"a\": {\"\\ud800\": 1}, \"b\": 1}", "the name of a setting is not valid Unicode")]
    [InlineData("{\"\\ud800\": 1}", "the name of a setting is not valid Unicode")]
    [InlineData("{\"model_typ\\ud800\": 1}", "the name of a setting is not valid Unicode")]
    public void Read_says_what_is_wrong_with_a_file_that_holds_no_settings(string json, string expected) => ShouldRefuse(json, expected);

    [Fact]
    public void Read_refuses_bytes_that_are_not_UTF8()
    {
        File.WriteAllBytes(ConfigPath, [(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}']);

        Should.Throw<InvalidDataException>(() => Gpt2ConfigJson.Read(ConfigPath)).Message.ShouldContain("not valid UTF-8");
    }

    [Fact]
    public void Read_refuses_a_file_of_more_than_a_mebibyte_and_takes_one_of_just_that()
    {
        Read(Smallest.PadRight(1 << 20)).EmbeddingSize.ShouldBe(6);
        ShouldRefuse(Smallest.PadRight((1 << 20) + 1), "larger than 1048576 bytes");
    }

    [FactNeeding("/dev/zero")]
    public void Read_ends_on_a_file_that_does_not() =>
        Should.Throw<InvalidDataException>(() => Gpt2ConfigJson.Read("/dev/zero")).Message.ShouldContain("larger than");

    [Fact]
    public void Read_survives_any_byte_cut_off_or_changed()
    {
        byte[] json = Encoding.UTF8.GetBytes(Published);
        for (int i = 0; i < json.Length; i++)
        {
            File.WriteAllBytes(ConfigPath, json[..i]);
            Should.Throw<InvalidDataException>(() => Gpt2ConfigJson.Read(ConfigPath));
            byte[] changed = [.. json];
            changed[i] ^= 0x51;
            File.WriteAllBytes(ConfigPath, changed);
            try
            {
                Gpt2ConfigJson.Read(ConfigPath).Validate();
            }
            catch (InvalidDataException)
            {
                // The other outcome that is allowed; anything else fails the test.
            }
        }
    }

    private static string With(string name, string value)
    {
        using JsonDocument document = JsonDocument.Parse(Smallest);
        IEnumerable<string> settings = document.RootElement.EnumerateObject()
            .Where(setting => setting.Name != name)
            .Select(setting => $"\"{setting.Name}\": {setting.Value.GetRawText()}");
        return $"{{{string.Join(", ", settings.Append($"\"{name}\": {value}"))}}}";
    }

    private Gpt2Config Read(string json)
    {
        File.WriteAllText(ConfigPath, json);
        return Gpt2ConfigJson.Read(ConfigPath);
    }

    private void ShouldRefuse(string json, string expected)
    {
        string message = Should.Throw<InvalidDataException>(() => Read(json)).Message;
        message.ShouldStartWith($"Cannot use '{ConfigPath}': ");
        message.ShouldContain(expected);
        message.ShouldEndWith(".");
    }
}
