using Quatrain.Extensions.Tests;
using Quatrain.Training.Tests;

namespace MessageFilter.Tests;

public sealed class StartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_a_classifier_it_does_not_start()
    {
        string none = _folder.File("none");

        Refuses("No classifier is configured; name the folder that quatrain finetune classify made, with --Classifier:Path FOLDER.");
        Refuses($"There is no folder '{none}'; name one that quatrain finetune classify made.", "--Classifier:Path", none);
    }

    [Fact]
    public void A_class_to_be_put_aside_must_be_one_that_the_classifier_knows()
    {
        string path = ClassifierModel.Write(_folder.File("spam"));

        Refuses(
            $"The classifier in '{path}' knows ham, spam and no class 'junk'; name the one to be put aside, with --Filter:QuarantineLabel LABEL.",
            "--Classifier:Path", path, "--Filter:QuarantineLabel", "junk");
    }

    [Theory]
    [InlineData("MaxTexts", "0", 1)]
    [InlineData("MaxKept", "many", 1)]
    [InlineData("MaxWaiting", "-1", 0)]
    public void Limits_must_be_numbers(string name, string value, int least) =>
        Refuses($"Filter:{name} is '{value}'; it must be a whole number of at least {least}.", "--Classifier:Path", _folder.Path, $"--Filter:{name}", value);

    private static void Refuses(string message, params string[] arguments) =>
        Should.Throw<InvalidDataException>(() => FilterApp.Build(arguments)).Message.ShouldBe(message);
}
