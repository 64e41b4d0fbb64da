using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Threading.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Quatrain.Extensions.Tests;
using Quatrain.Inference.Classification;

namespace MessageFilter.Tests;

public sealed class FilterAppTests : IAsyncLifetime
{
    private const int MaxKept = 3;

    private RunningApp _app = null!;
    private TextClassifier _classifier = null!;

    public async Task InitializeAsync()
    {
        _app = await RunningApp.StartAsync("--Filter:MaxKept", $"{MaxKept}", "--Filter:MaxTexts", "50", "--Filter:MaxTextLength", "100", "--Filter:MaxBodyBytes", "10000");
        _classifier = TextClassifier.Load(_app.Path);
    }

    public async Task DisposeAsync()
    {
        _classifier.Dispose();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task Requests_at_the_same_time_get_the_classifiers_own_answers()
    {
        JsonElement[] answers = await Task.WhenAll(ClassifierModel.Texts.Select(text => _app.PostAsync("/classify", new { text })));

        answers.Length.ShouldBe(50);
        for (int i = 0; i < answers.Length; i++)
        {
            IsVerdict(answers[i], _classifier.Classify(ClassifierModel.Texts[i]));
        }

        answers.Select(answer => answer.GetProperty("label").GetString()).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task A_batch_gets_the_same_answers_in_order()
    {
        JsonElement results = (await _app.PostAsync("/classify/batch", new { texts = ClassifierModel.Texts })).GetProperty("results");

        results.GetArrayLength().ShouldBe(50);
        for (int i = 0; i < results.GetArrayLength(); i++)
        {
            IsVerdict(results[i], _classifier.Classify(ClassifierModel.Texts[i]));
        }
    }

    [Fact]
    public async Task A_text_longer_than_the_classifier_reads_is_judged_by_its_beginning()
    {
        string text = new('q', ClassifierModel.MaxLength + 1);

        JsonElement answer = await _app.PostAsync("/classify", new { text });

        answer.GetProperty("truncated").GetBoolean().ShouldBeTrue();
        IsVerdict(answer, _classifier.Classify(text));
    }

    [Fact]
    public async Task Messages_go_to_the_inbox_or_the_quarantine_which_keep_the_newest()
    {
        Dictionary<bool, List<string>> sent = new() { [true] = [], [false] = [] };
        foreach (string text in ClassifierModel.Texts)
        {
            bool isSpam = _classifier.Classify(text).Label == "spam";
            JsonElement answer = await _app.PostAsync("/messages", new { from = "tester", text });
            answer.GetProperty("quarantined").GetBoolean().ShouldBe(isSpam);
            sent[isSpam].Insert(0, text);
        }

        await HoldsAsync("/messages", sent[false]);
        await HoldsAsync("/quarantine", sent[true]);
    }

    [Theory]
    [InlineData("/classify", "{\"text\": ", "The body is not the JSON that this address takes.")]
    [InlineData("/classify", "", "The body is not the JSON that this address takes.")]
    [InlineData("/classify", "null", "The body is not the JSON that this address takes.")]
    [InlineData("/classify", "{\"text\": 7}", "The body is not the JSON that this address takes.")]
    [InlineData("/classify", "{\"text\": \"\\ud800\"}", "The body is not the JSON that this address takes.")]
    [InlineData("/classify", "{}", "text is missing; send it as a JSON string.")]
    [InlineData("/classify", "{\"text\": \" \\n\"}", "text is empty; there is nothing to filter.")]
    [InlineData("/classify/batch", "{\"texts\": []}", "texts is missing or empty; send a JSON array of strings.")]
    [InlineData("/classify/batch", "{\"text\": \"a\"}", "texts is missing or empty; send a JSON array of strings.")]
    [InlineData("/classify/batch", "{\"texts\": [\"a\", null]}", "texts[1] is missing; send it as a JSON string.")]
    [InlineData("/classify/batch", "{\"texts\": [\"a\", \"\"]}", "texts[1] is empty; there is nothing to filter.")]
    [InlineData("/messages", "{\"text\": \"a\"}", "from is missing; send it as a JSON string.")]
    [InlineData("/messages", "{\"from\": \"a\"}", "text is missing; send it as a JSON string.")]
    public async Task Bad_input_is_refused_with_a_sentence(string address, string body, string detail)
    {
        await _app.RefusesAsync(address, body, HttpStatusCode.BadRequest, detail);
        (await _app.Client.GetFromJsonAsync<JsonElement>("/messages")).GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task What_is_too_much_is_refused()
    {
        string longText = new('a', 101);
        await _app.RefusesAsync("/classify", JsonSerializer.Serialize(new { text = longText }), HttpStatusCode.BadRequest, "text has 101 characters; send at most 100.");
        await _app.RefusesAsync(
            "/classify/batch", JsonSerializer.Serialize(new { texts = Enumerable.Repeat("a", 51) }), HttpStatusCode.BadRequest, "texts has 51 texts; send at most 50 at once.");
        await _app.RefusesAsync(
            "/classify", JsonSerializer.Serialize(new { text = new string('a', 10_000) }), HttpStatusCode.RequestEntityTooLarge, "The body has more than 10000 bytes; send less at once.");
        await _app.RefusesAsync(
            "/classify", "{\"text\": \"a\"}", HttpStatusCode.UnsupportedMediaType, "The body is not marked as JSON; send it with the header Content-Type: application/json.", "text/plain");
        await _app.RefusesAsync("/nowhere", "{}", HttpStatusCode.NotFound, "There is no such address.");
    }

    [Fact]
    public async Task A_sender_s_name_is_limited()
    {
        await using RunningApp app = await RunningApp.StartAsync();
        string body = JsonSerializer.Serialize(new { from = new string('a', 201), text = "a" });

        await app.RefusesAsync("/messages", body, HttpStatusCode.BadRequest, "from has 201 characters; send at most 200.");
    }

    [Fact]
    public async Task Who_would_wait_too_long_is_turned_away()
    {
        await using RunningApp app = await RunningApp.StartAsync("--Filter:MaxWaiting", "0");
        ConcurrencyLimiter limiter = app.App.Services.GetRequiredService<ConcurrencyLimiter>();
        using (limiter.AttemptAcquire(Environment.ProcessorCount))
        {
            await app.RefusesAsync("/classify", "{\"text\": \"a\"}", HttpStatusCode.ServiceUnavailable, "Too many requests are waiting; try again in a moment.");
        }

        (await app.PostAsync("/classify", new { text = "a" })).GetProperty("label").GetString().ShouldBe(_classifier.Classify("a").Label);
    }

    [Fact]
    public async Task Health_tells_what_the_classifier_is()
    {
        JsonElement health = await _app.Client.GetFromJsonAsync<JsonElement>("/health");

        health.GetProperty("status").GetString().ShouldBe("ok");
        health.GetProperty("labels").EnumerateArray().Select(label => label.GetString()).ShouldBe(["ham", "spam"]);
        health.GetProperty("maxTokens").GetInt32().ShouldBe(ClassifierModel.MaxLength);
    }

    [Fact]
    public async Task The_page_needs_nothing_from_elsewhere()
    {
        using HttpResponseMessage response = await _app.Client.GetAsync("/");

        string page = await response.Content.ReadAsStringAsync();
        page.ShouldContain("<title>Message filter</title>");
        page.ShouldNotContain("://");
        response.Content.Headers.ContentType!.ToString().ShouldBe("text/html; charset=utf-8");
        response.Headers.GetValues("Content-Security-Policy").Single().ShouldStartWith("default-src 'none'");
    }

    [Fact]
    public async Task Requests_for_another_host_are_refused()
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/messages");
        request.Headers.Host = "elsewhere.example";

        using HttpResponseMessage response = await _app.Client.SendAsync(request);

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    private static void IsVerdict(JsonElement answer, Classification expected)
    {
        answer.GetProperty("label").GetString().ShouldBe(expected.Label);
        answer.GetProperty("probability").GetDouble().ShouldBe(expected.Probability);
        answer.GetProperty("probabilities").EnumerateObject().Select(pair => (pair.Name, pair.Value.GetDouble()))
            .ShouldBe([("ham", expected.Probabilities[0]), ("spam", expected.Probabilities[1])]);
        answer.GetProperty("truncated").GetBoolean().ShouldBe(expected.IsTruncated);
    }

    private async Task HoldsAsync(string address, List<string> newestFirst)
    {
        newestFirst.Count.ShouldBeGreaterThan(MaxKept);
        JsonElement messages = await _app.Client.GetFromJsonAsync<JsonElement>(address);
        messages.EnumerateArray().Select(message => message.GetProperty("text").GetString()).ShouldBe(newestFirst.Take(MaxKept));
        messages.EnumerateArray().ShouldAllBe(message => message.GetProperty("from").GetString() == "tester");
    }
}
