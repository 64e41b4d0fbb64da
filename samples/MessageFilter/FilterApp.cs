using System.Threading.RateLimiting;
using Quatrain.Extensions;

namespace MessageFilter;

/// <summary>Puts the app together.</summary>
internal static class FilterApp
{
    /// <summary>The app, with its classifier loaded: one that can't filter does not start.</summary>
    /// <exception cref="InvalidDataException">The configuration or the classifier can't be used; the message says what is wrong.</exception>
    /// <exception cref="IOException">A file of the classifier can't be read.</exception>
    public static WebApplication Build(string[] args)
    {
        // appsettings.json lies beside the program, wherever that is called from.
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        FilterOptions options = FilterOptions.Read(builder.Configuration);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        });
        // Everywhere the same answers, in development too.
        builder.Services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = false);
        builder.Services.AddProblemDetails(problems => problems.CustomizeProblemDetails = problem => Explain(problem, options));
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddTextClassifier(options.ClassifierPath);
        builder.Services.AddSingleton<SpamFilter>();
        builder.Services.AddSingleton(_ => new ConcurrencyLimiter(new ConcurrencyLimiterOptions
        {
            PermitLimit = Environment.ProcessorCount,
            QueueLimit = options.MaxWaiting,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        }));

        WebApplication app = builder.Build();
        try
        {
            app.Services.GetRequiredService<SpamFilter>();
            app.UseExceptionHandler();
            app.UseStatusCodePages();
            Endpoints.Map(app);
            return app;
        }
        catch
        {
            ((IDisposable)app).Dispose();
            throw;
        }
    }

    // What the framework answers with a status alone.
    private static void Explain(ProblemDetailsContext problem, FilterOptions options) => problem.ProblemDetails.Detail ??= problem.ProblemDetails.Status switch
    {
        StatusCodes.Status400BadRequest => "The body is not the JSON that this address takes.",
        StatusCodes.Status404NotFound => "There is no such address.",
        StatusCodes.Status413PayloadTooLarge => FormattableString.Invariant($"The body has more than {options.MaxBodyBytes} bytes; send less at once."),
        StatusCodes.Status415UnsupportedMediaType => "The body is not marked as JSON; send it with the header Content-Type: application/json.",
        _ => null,
    };
}
