using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http.HttpResults;
using Quatrain.Inference.Classification;

namespace MessageFilter;

/// <summary>The app's addresses.</summary>
internal static class Endpoints
{
    private const int LongestSender = 200;

    public static void Map(WebApplication app)
    {
        byte[] page = ReadPage();
        app.MapGet("/", (HttpResponse response) => ShowPage(response, page));
        app.MapGet("/health", (TextClassifier classifier) => new Health("ok", classifier.Labels, classifier.Settings.MaxLength));
        app.MapGet("/messages", (SpamFilter filter) => filter.Inbox.Newest());
        app.MapGet("/quarantine", (SpamFilter filter) => filter.Quarantine.Newest());

        RouteGroupBuilder work = app.MapGroup("").AddEndpointFilter(TakeTurnAsync).AddEndpointFilter(RefuseBadInputAsync);
        work.MapPost("/classify", Classify);
        work.MapPost("/classify/batch", ClassifyBatch);
        work.MapPost("/messages", Receive);
    }

    private static Verdict Classify(ClassifyRequest request, TextClassifier classifier, FilterOptions options) =>
        Verdict.Of(classifier.Classify(options.Require(request.Text, "text")), classifier.Labels);

    private static BatchVerdict ClassifyBatch(BatchRequest request, TextClassifier classifier, FilterOptions options, CancellationToken cancellation)
    {
        if (request.Texts is not { Count: > 0 } texts)
        {
            throw new InvalidDataException("texts is missing or empty; send a JSON array of strings.");
        }

        if (texts.Count > options.MaxTexts)
        {
            throw new InvalidDataException(FormattableString.Invariant($"texts has {texts.Count} texts; send at most {options.MaxTexts} at once."));
        }

        string[] checkedTexts = [.. texts.Select((text, i) => options.Require(text, FormattableString.Invariant($"texts[{i}]")))];
        return new BatchVerdict([.. classifier.ClassifyAll(checkedTexts, cancellation).Select(result => Verdict.Of(result, classifier.Labels))]);
    }

    private static FilteredMessage Receive(IncomingMessage message, SpamFilter filter, FilterOptions options)
    {
        string from = options.Require(message.From, "from");
        return from.Length <= LongestSender
            ? filter.Filter(from, options.Require(message.Text, "text"))
            : throw new InvalidDataException(FormattableString.Invariant($"from has {from.Length} characters; send at most {LongestSender}."));
    }

    // Classifying keeps a processor busy, so only so many do it at a time. A filter runs when the body has been read: a slow sender takes nobody's turn.
    private static async ValueTask<object?> TakeTurnAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        ConcurrencyLimiter limiter = context.HttpContext.RequestServices.GetRequiredService<ConcurrencyLimiter>();
        using RateLimitLease turn = await limiter.AcquireAsync(1, context.HttpContext.RequestAborted);
        return turn.IsAcquired
            ? await next(context)
            : TypedResults.Problem("Too many requests are waiting; try again in a moment.", statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static async ValueTask<object?> RefuseBadInputAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (InvalidDataException e)
        {
            return TypedResults.Problem(e.Message, statusCode: StatusCodes.Status400BadRequest);
        }
    }

    private static FileContentHttpResult ShowPage(HttpResponse response, byte[] page)
    {
        response.Headers.ContentSecurityPolicy =
            "default-src 'none'; connect-src 'self'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.Bytes(page, "text/html; charset=utf-8");
    }

    private static byte[] ReadPage()
    {
        using Stream stream = typeof(Endpoints).Assembly.GetManifestResourceStream("page.html")!;
        byte[] page = new byte[stream.Length];
        stream.ReadExactly(page);
        return page;
    }
}
