using Quatrain.Models.Checkpoints;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>
/// A classifier's report as one HTML file that needs nothing else: no script, no font, no address. Texts and names come from anywhere and are shown as text.
/// </summary>
public static class ReportPage
{
    /// <summary>Writes the page to a file, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written; the message says why.</exception>
    /// <exception cref="UnauthorizedAccessException">The file or its folder may not be written.</exception>
    public static void Write(string path, ClassifierReport report) => AtomicFile.WriteText(path, Render(report));

    /// <summary>The page as HTML text.</summary>
    public static string Render(ClassifierReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        HtmlBuilder html = new();
        html.AppendLine($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>{report.Title}</title>
            <style>
            {new Markup(ReportStyle.Sheet)}
            </style>
            </head>
            <body>
            <main>
            <header>
            <h1>{report.Title}</h1>
            <p class="quiet">{report.Model}. {report.Trained}.</p>
            </header>
            """);
        VerdictSection.Append(html, report);
        ResultSection.Append(html, report);
        ThresholdSection.Append(html, report);
        MistakesSection.Append(html, report);
        DataSection.Append(html, report);
        TrainingSection.Append(html, report);
        html.AppendLine($"""
            </main>
            </body>
            </html>
            """);
        return html.ToString();
    }
}
