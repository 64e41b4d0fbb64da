using Quatrain.Inference.Sampling;

namespace Quatrain.Inference.Tests.Sampling;

public sealed class SamplingOptionsTests
{
    public static TheoryData<SamplingOptions, string> Impossible => new()
    {
        { new() { Temperature = double.NaN }, "The temperature can't be NaN; give 0 (always the most likely token) or a positive number such as 0.8." },
        { new() { Temperature = -0.5 }, "The temperature can't be -0.5;" },
        { new() { Temperature = double.PositiveInfinity }, "The temperature can't be Infinity;" },
        { new() { TopK = -1 }, "The top-k can't be -1; give a whole number from 1, or 0 for no limit." },
        { new() { TopP = double.NaN }, "The top-p can't be NaN;" },
        { new() { TopP = 1.01 }, "The top-p can't be 1.01; give a number from 0 to 1 (1 for no limit)." },
        { new() { TopP = -0.1 }, "The top-p can't be -0.1;" },
        { new() { MinP = double.NaN }, "The min-p can't be NaN;" },
        { new() { MinP = 1.5 }, "The min-p can't be 1.5;" },
        { new() { MinP = -1 }, "The min-p can't be -1;" },
        { new() { RepetitionPenalty = double.NaN }, "The repetition penalty can't be NaN;" },
        { new() { RepetitionPenalty = 0 }, "The repetition penalty can't be 0; give a number from 0.01 to 100 (1 for none)." },
        { new() { RepetitionPenalty = -1.2 }, "The repetition penalty can't be -1.2;" },
        { new() { RepetitionPenalty = double.PositiveInfinity }, "The repetition penalty can't be Infinity;" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Validate_names_the_impossible_setting(SamplingOptions options, string message)
    {
        Should.Throw<InvalidDataException>(options.Validate).Message.ShouldStartWith(message);
        Should.Throw<InvalidDataException>(() => new Sampler(options, 1)).Message.ShouldStartWith(message);
    }

    [Fact]
    public void Validate_accepts_the_defaults_and_the_ends_of_every_range()
    {
        new SamplingOptions().ShouldBe(new SamplingOptions { Temperature = 0.8, TopK = 0, TopP = 1, MinP = 0, RepetitionPenalty = 1 });
        Should.NotThrow(new SamplingOptions().Validate);
        Should.NotThrow(new SamplingOptions { Temperature = 0, TopK = int.MaxValue, TopP = 0, MinP = 1, RepetitionPenalty = 0.01 }.Validate);
        Should.NotThrow(new SamplingOptions { Temperature = double.MaxValue, RepetitionPenalty = 100 }.Validate);
    }
}
