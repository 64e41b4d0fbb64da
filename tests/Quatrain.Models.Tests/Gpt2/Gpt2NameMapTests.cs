using Quatrain.Models.Gpt2;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2NameMapTests
{
    [Theory]
    [InlineData("wte.weight", "token_embd.weight", "model/wte", "transformer.wte.weight", "wte")]
    [InlineData("wpe.weight", "position_embd.weight", "model/wpe", "transformer.wpe.weight", "wpe")]
    [InlineData("h.0.ln_1.weight", "blk.0.attn_norm.weight", "model/h0/ln_1/g", "transformer.h.0.ln_1.weight", "h.0.ln1w")]
    [InlineData("h.11.ln_1.bias", "blk.11.attn_norm.bias", "model/h11/ln_1/b", "transformer.h.11.ln_1.bias", "h.11.ln1b")]
    [InlineData("h.3.attn.c_attn.weight", "blk.3.attn_qkv.weight", "model/h3/attn/c_attn/w", "transformer.h.3.attn.c_attn.weight", "h.3.qkvw")]
    [InlineData("h.3.attn.c_proj.bias", "blk.3.attn_output.bias", "model/h3/attn/c_proj/b", "transformer.h.3.attn.c_proj.bias", "h.3.attprojb")]
    [InlineData("h.3.ln_2.weight", "blk.3.ffn_norm.weight", "model/h3/ln_2/g", "transformer.h.3.ln_2.weight", "h.3.ln2w")]
    [InlineData("h.3.mlp.c_fc.weight", "blk.3.ffn_up.weight", "model/h3/mlp/c_fc/w", "transformer.h.3.mlp.c_fc.weight", "h.3.fcw")]
    [InlineData("h.3.mlp.c_proj.weight", "blk.3.ffn_down.weight", "model/h3/mlp/c_proj/w", "transformer.h.3.mlp.c_proj.weight", "h.3.fcprojw")]
    [InlineData("ln_f.weight", "output_norm.weight", "model/ln_f/g", "transformer.ln_f.weight", "lnfw")]
    [InlineData("ln_f.bias", "output_norm.bias", "model/ln_f/b", "transformer.ln_f.bias", "lnfb")]
    [InlineData("lm_head.weight", "output.weight", "model/lm_head", "lm_head.weight", "lm_head")]
    public void Names_are_those_of_each_scheme(string parameter, string gguf, string tensorFlow, string nanoGpt, string llmC)
    {
        Gpt2NameMap.HuggingFace.Translate(parameter).Name.ShouldBe(parameter);
        Gpt2NameMap.Gguf.Translate(parameter).Name.ShouldBe(gguf);
        Gpt2NameMap.TensorFlow.Translate(parameter).Name.ShouldBe(tensorFlow);
        Gpt2NameMap.NanoGpt.Translate(parameter).Name.ShouldBe(nanoGpt);
        Gpt2NameMap.LlmC.Translate(parameter).Name.ShouldBe(llmC);
    }

    [Fact]
    public void Linear_weights_lie_as_each_scheme_has_them()
    {
        foreach ((Gpt2NameMap map, long[] shape) in ((Gpt2NameMap, long[])[])[
            (Gpt2NameMap.HuggingFace, [2, 6]), (Gpt2NameMap.Gguf, [6, 2]), (Gpt2NameMap.NanoGpt, [6, 2]), (Gpt2NameMap.LlmC, [6, 2]), (Gpt2NameMap.TensorFlow, [1, 2, 6])])
        {
            foreach (string name in (string[])["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"])
            {
                map.Translate($"h.1.{name}.weight").ShapeOf([2, 6]).ShouldBe(shape, map.Scheme);
                map.Translate($"h.1.{name}.bias").ShapeOf([6]).ShouldBe([6], map.Scheme);
            }

            map.Translate("wte.weight").ShapeOf([9, 2]).ShouldBe([9, 2], map.Scheme);
            map.Translate("h.1.ln_1.weight").ShapeOf([2]).ShouldBe([2], map.Scheme);
        }
    }

    [Theory]
    [InlineData("h.0.attn.bias", true)]
    [InlineData("h.12.attn.masked_bias", true)]
    [InlineData("transformer.h.0.attn.bias", true)]
    [InlineData("h..attn.bias", false)]
    [InlineData("h.x.attn.bias", false)]
    [InlineData("h.0.attn.c_attn.bias", false)]
    [InlineData("attn.bias", false)]
    public void Mask_buffers_are_known_by_name(string name, bool isMask) => Gpt2NameMap.IsMask(name).ShouldBe(isMask);
}
