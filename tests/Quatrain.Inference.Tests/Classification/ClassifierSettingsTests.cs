using System.Text;
using System.Text.Json.Nodes;
using Quatrain.Inference.Classification;
using Quatrain.Models.Classification;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Classification;

public sealed class ClassifierSettingsTests : IDisposable
{
    private const string Valid = """
        {"labels":["ham","spam"],"pooling":"mean","max_length":12,"pad_id":3,"temperature":1.25,"threshold_label":"spam","threshold":0.875}
        """;

    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.File(ClassifierSettings.FileName);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<Pooling, double?> Kinds => new() { { Pooling.LastToken, null }, { Pooling.LastPosition, 0 }, { Pooling.Mean, 0.1 + 0.2 }, { Pooling.Mean, 1.0000000000000002 } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_written_is_read_again(Pooling pooling, double? threshold)
    {
        ClassifierSettings settings = new()
        {
            Labels = ["ham", "a \"quoted\" <label>", "größer \u4E2D \U0001F600"],
            Pooling = pooling,
            MaxLength = 77,
            PadId = 50256,
            Temperature = 1 / 3.0,
            PositiveClass = pooling == Pooling.LastToken ? null : 1,
            Threshold = threshold is { } probability ? new ClassThreshold(2, probability) : null,
        };
        ClassifierSettings.ArePresent(_folder.Path).ShouldBeFalse();
        settings.Write(_folder.Path);

        ClassifierSettings read = ClassifierSettings.Read(_folder.Path);

        ClassifierSettings.ArePresent(_folder.Path).ShouldBeTrue();
        read.Labels.ShouldBe(settings.Labels);
        (read with { Labels = settings.Labels }).ShouldBe(settings);
        File.ReadAllText(FilePath).ShouldContain("größer");
    }

    [Fact]
    public void Temperature_and_threshold_may_be_absent()
    {
        Write("""{"labels":["a","b"],"pooling":"last-token","max_length":1,"pad_id":0}""");

        ClassifierSettings read = ClassifierSettings.Read(_folder.Path);

        (read.Temperature, read.Threshold).ShouldBe((1, null));
    }

    [Fact]
    public void Names_of_poolings_go_both_ways()
    {
        ClassifierSettings.Poolings.ShouldBe(["last-token", "last-position", "mean"]);
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            ClassifierSettings.ParsePooling(ClassifierSettings.NameOf(pooling)).ShouldBe(pooling);
        }

        ClassifierSettings.ParsePooling("Mean").ShouldBeNull();
        ClassifierSettings.ParsePooling("").ShouldBeNull();
    }

    [Theory]
    [InlineData("labels", "null", "labels must be at least two")]
    [InlineData("labels", "[]", "labels must be at least two")]
    [InlineData("labels", """["spam"]""", "labels must be at least two")]
    [InlineData("labels", """["spam","spam"]""", "labels must be at least two")]
    [InlineData("labels", """["spam",""]""", "none empty")]
    [InlineData("labels", """["spam",7]""", "a list of at most 100000 texts")]
    [InlineData("labels", "\"spam\"", "a list of at most 100000 texts")]
    [InlineData("labels", """["\ud800","spam"]""", "not valid Unicode")]
    [InlineData("labels", """["a","b"]""", "threshold_label is 'spam', which is none of the labels")]
    [InlineData("pooling", "\"max\"", "pooling is 'max', not last-token or last-position or mean")]
    [InlineData("pooling", "1", "pooling is '1', not a text")]
    [InlineData("pooling", null, "pooling is missing")]
    [InlineData("max_length", "0", "max_length must be at least 1")]
    [InlineData("max_length", "1.5", "not a whole number")]
    [InlineData("max_length", "3000000000", "not a whole number")]
    [InlineData("max_length", null, "max_length is missing")]
    [InlineData("pad_id", "-1", "pad_id must be at least 0")]
    [InlineData("pad_id", "\"3\"", "not a whole number")]
    [InlineData("temperature", "0", "temperature must be above 0")]
    [InlineData("temperature", "-1", "temperature must be above 0")]
    [InlineData("temperature", "1e400", "temperature")]
    [InlineData("temperature", "\"NaN\"", "not a number")]
    [InlineData("threshold", "-0.1", "threshold must be between 0 and 1")]
    [InlineData("threshold", "2", "threshold must be between 0 and 1")]
    [InlineData("threshold", "true", "not a number")]
    [InlineData("threshold_label", "\"nobody\"", "threshold_label is 'nobody', which is none of the labels")]
    [InlineData("threshold_label", null, "threshold_label is missing")]
    [InlineData("positive_label", "\"nobody\"", "positive_label is 'nobody', which is none of the labels")]
    [InlineData("positive_label", "1", "positive_label is '1', not a text")]
    public void What_is_impossible_is_one_sentence_that_names_the_file_and_the_field(string name, string? value, string problem)
    {
        JsonObject json = JsonNode.Parse(Valid)!.AsObject();
        json.Remove(name);
        string text = json.ToJsonString();
        Write(value is null ? text : $"{text[..^1]},\"{name}\":{value}}}");

        string message = Should.Throw<InvalidDataException>(() => ClassifierSettings.Read(_folder.Path)).Message;

        message.ShouldStartWith($"Cannot use '{FilePath}': ");
        message.ShouldContain(problem);
        message.ShouldEndWith("; use the classifier.json that belongs to the model.");
        message.ShouldNotContain('\n');
    }

    [Fact]
    public void No_folder_and_one_of_something_else_are_told_apart()
    {
        Should.Throw<InvalidDataException>(() => ClassifierSettings.Read(_folder.Path)).Message
            .ShouldBe($"'{_folder.Path}' is no classifier: it has no classifier.json; make one with quatrain finetune classify.");
        Should.Throw<InvalidDataException>(() => ClassifierSettings.Read(_folder.File("none"))).Message
            .ShouldBe($"There is no folder '{_folder.File("none")}'; name one that quatrain finetune classify made.");
    }

    [Fact]
    public void A_damaged_file_is_a_sentence_or_possible_settings()
    {
        byte[] valid = Encoding.UTF8.GetBytes(Valid);
        Random random = new(3);
        int read = 0, refused = 0;
        for (int i = 0; i < 4000; i++)
        {
            byte[] content = [.. valid];
            if (i < valid.Length)
            {
                content = content[..i];
            }
            else
            {
                for (int edit = random.Next(1, 4); edit > 0; edit--)
                {
                    content[random.Next(content.Length)] = (byte)(random.Next(3) == 0 ? random.Next(256) : "0123456789-e.,\"[]{}"[random.Next(19)]);
                }
            }

            File.WriteAllBytes(FilePath, content);
            try
            {
                ClassifierSettings settings = ClassifierSettings.Read(_folder.Path);
                settings.Decide(settings.Probabilities(new float[settings.Labels.Count])).ShouldBeInRange(0, settings.Labels.Count - 1);
                settings.Write(_folder.Path);
                read++;
            }
            catch (InvalidDataException e)
            {
                e.Message.ShouldEndWith(".");
                e.Message.ShouldNotContain('\n');
                refused++;
            }
        }

        read.ShouldBeGreaterThan(20);
        refused.ShouldBeGreaterThan(1000);
    }

    [Fact]
    public void Probabilities_are_the_softmax_of_the_scores_over_the_temperature()
    {
        ClassifierSettings settings = SmallClassifier.Settings with { Temperature = 2 };
        double[] weights = [Math.Exp(0.5), Math.Exp(-1), 1];

        double[] probabilities = settings.Probabilities([1, -2, 0]);

        for (int i = 0; i < 3; i++)
        {
            probabilities[i].ShouldBe(weights[i] / weights.Sum(), 1e-15);
        }

        settings.Probabilities([1e30f, -1e30f, 0]).ShouldBe([1, 0, 0]);
    }

    [Fact]
    public void Without_a_threshold_the_likeliest_class_is_chosen_and_the_first_of_equals()
    {
        SmallClassifier.Settings.Decide([0.2, 0.5, 0.3]).ShouldBe(1);
        SmallClassifier.Settings.Decide([0.4, 0.2, 0.4]).ShouldBe(0);
    }

    [Theory]
    [InlineData(0.3, 0.3, 1)]
    [InlineData(0.31, 0.3, 2)]
    [InlineData(0, 0, 1)]
    [InlineData(1, 1, 1)]
    [InlineData(1.0000000000000002, 1, 0)]
    public void With_a_threshold_its_class_is_chosen_from_there_on_and_else_the_likeliest_of_the_others(double threshold, double probability, int expected)
    {
        ClassifierSettings settings = SmallClassifier.Settings with { Threshold = new ClassThreshold(1, threshold) };
        double rest = 1 - probability;

        settings.Decide([0.4 * rest, probability, 0.6 * rest]).ShouldBe(expected);
    }

    private void Write(string json) => File.WriteAllText(FilePath, json);
}
