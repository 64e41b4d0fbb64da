using Microsoft.Extensions.DependencyInjection;
using Quatrain.Inference.Classification;
using Quatrain.Training.Tests;

namespace Quatrain.Extensions.Tests;

public sealed class ClassifierServicesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public ClassifierServicesTests() => _path = ClassifierModel.Write(_folder.File("spam"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_provider_loads_one_for_all_who_ask_at_once_and_frees_it()
    {
        TextClassifier classifier;
        await using (ServiceProvider provider = new ServiceCollection().AddTextClassifier(_path, options => options.Threads = 1).BuildServiceProvider())
        {
            TextClassifier[] got = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(provider.GetRequiredService<TextClassifier>)));

            classifier = got[0];
            got.ShouldAllBe(other => ReferenceEquals(other, classifier));
            classifier.Classify("the end").Probabilities.Sum().ShouldBe(1, 1e-12);
        }

        Should.Throw<ObjectDisposedException>(() => classifier.Classify("the end"));
    }

    [Fact]
    public void Options_reach_the_classifier()
    {
        ClassifierSettings settings = ClassifierSettings.Read(_path);
        (settings with { Threshold = new ClassThreshold(1, 0.5) }).Write(_path);
        using ServiceProvider provider = new ServiceCollection().AddTextClassifier(_path, options => options.Threshold = double.Epsilon).BuildServiceProvider();

        provider.GetRequiredService<TextClassifier>().ClassifyAll(ClassifierModel.Texts).ShouldAllBe(result => result.Label == "spam");
    }

    [Fact]
    public void Classifiers_under_keys_are_told_apart()
    {
        string other = ClassifierModel.Write(_folder.File("topics"));
        (ClassifierSettings.Read(other) with { Labels = ["sport", "weather"] }).Write(other);
        using ServiceProvider provider = new ServiceCollection()
            .AddKeyedTextClassifier("spam", _path)
            .AddKeyedTextClassifier("topics", other, options => options.Threads = 1)
            .BuildServiceProvider();

        provider.GetRequiredKeyedService<TextClassifier>("spam").Labels.ShouldBe(["ham", "spam"]);
        TextClassifier topics = provider.GetRequiredKeyedService<TextClassifier>("topics");
        topics.Labels.ShouldBe(["sport", "weather"]);
        provider.GetRequiredKeyedService<TextClassifier>("topics").ShouldBeSameAs(topics);
        provider.GetService<TextClassifier>().ShouldBeNull();
    }

    [Fact]
    public void A_classifier_that_is_not_there_is_told_of_when_it_is_asked_for()
    {
        using ServiceProvider provider = new ServiceCollection().AddTextClassifier(_folder.File("none")).BuildServiceProvider();

        Should.Throw<InvalidDataException>(() => provider.GetRequiredService<TextClassifier>())
            .Message.ShouldBe($"There is no folder '{_folder.File("none")}'; name one that quatrain finetune classify made.");
    }

    [Fact]
    public async Task Callers_at_the_same_time_get_what_they_would_get_alone_until_it_is_freed()
    {
        Classification[] alone;
        using (TextClassifier classifier = TextClassifier.Load(_path))
        {
            alone = [.. ClassifierModel.Texts.Select(classifier.Classify)];
        }

        ServiceProvider provider = new ServiceCollection().AddTextClassifier(_path).BuildServiceProvider();
        TextClassifier shared = provider.GetRequiredService<TextClassifier>();
        using CountdownEvent begun = new(4);
        Task<int>[] callers = [.. Enumerable.Range(0, 4).Select(caller => Task.Factory.StartNew(
            () =>
            {
                for (int done = 0; ; done++)
                {
                    int i = (done + (11 * caller)) % alone.Length;
                    try
                    {
                        Same(shared.Classify(ClassifierModel.Texts[i]), alone[i]);
                    }
                    catch (ObjectDisposedException)
                    {
                        return done;
                    }

                    if (done == alone.Length)
                    {
                        begun.Signal();
                    }
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

        begun.Wait(TimeSpan.FromMinutes(1)).ShouldBeTrue();
        await provider.DisposeAsync();

        (await Task.WhenAll(callers)).ShouldAllBe(done => done > alone.Length);
    }

    private static void Same(Classification result, Classification expected)
    {
        result.Label.ShouldBe(expected.Label);
        result.Probabilities.ShouldBe(expected.Probabilities);
    }
}
