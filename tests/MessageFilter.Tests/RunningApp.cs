using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Quatrain.Extensions.Tests;
using Quatrain.Training.Tests;

namespace MessageFilter.Tests;

/// <summary>The app over a tiny classifier, on a port of this machine that the system chose.</summary>
internal sealed class RunningApp : IAsyncDisposable
{
    private readonly TemporaryFolder _folder;

    private RunningApp(TemporaryFolder folder, string path, WebApplication app)
    {
        (_folder, Path, App) = (folder, path, app);
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
    }

    public string Path { get; }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public static async Task<RunningApp> StartAsync(params string[] arguments)
    {
        TemporaryFolder folder = new();
        string path = ClassifierModel.Write(folder.File("spam"));
        WebApplication app = FilterApp.Build(["--Classifier:Path", path, "--urls", "http://127.0.0.1:0", .. arguments]);
        await app.StartAsync();
        return new RunningApp(folder, path, app);
    }

    /// <summary>The JSON that a request is answered with.</summary>
    public async Task<JsonElement> PostAsync(string address, object body)
    {
        using HttpResponseMessage response = await Client.PostAsJsonAsync(address, body);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public async Task RefusesAsync(string address, string body, HttpStatusCode status, string detail, string type = "application/json")
    {
        using HttpRequestMessage request = new(HttpMethod.Post, address) { Content = new StringContent(body, Encoding.UTF8, type) };
        // A body that is too large is then refused before it is sent, and not while.
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage response = await Client.SendAsync(request);
        response.StatusCode.ShouldBe(status);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("detail").GetString().ShouldBe(detail);
        problem.GetProperty("status").GetInt32().ShouldBe((int)status);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
        _folder.Dispose();
    }
}
