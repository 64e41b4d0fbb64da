using Quatrain.Models.Checkpoints.TensorFlow;

namespace Quatrain.Models.Tests.Checkpoints.TensorFlow;

public sealed class MaskedCrc32CTests
{
    // The check value of CRC-32C in RFC 3720 and every catalogue; the mask as LevelDB defines it.
    [Fact]
    public void The_check_value_is_the_published_one()
    {
        const uint Published = 0xE3069283;
        MaskedCrc32C crc = default;
        crc.Add("123456789"u8);

        crc.Value.ShouldBe(unchecked(((Published >> 15) | (Published << 17)) + 0xA282EAD8));
    }

    [Fact]
    public void Parts_give_what_the_whole_gives()
    {
        byte[] bytes = [.. Enumerable.Range(0, 100).Select(i => (byte)(i * 37))];
        MaskedCrc32C whole = default;
        whole.Add(bytes);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            MaskedCrc32C parts = default;
            parts.Add(bytes.AsSpan(0, cut));
            parts.Add(bytes.AsSpan(cut));
            parts.Value.ShouldBe(whole.Value);
        }
    }
}
