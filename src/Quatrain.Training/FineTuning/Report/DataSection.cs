using static Quatrain.Training.FineTuning.Report.ReportNumbers;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The texts: where from, how many of each class and part, and what to beware of.</summary>
internal static class DataSection
{
    public static void Append(HtmlBuilder html, ClassifierReport report)
    {
        DataSummary data = report.Data;
        html.AppendLine($"""
            <section><h2>The data</h2><div class="card">
            <p>From “{data.FileName}”: text in “{data.TextColumn}”, class in “{data.LabelColumn}”.</p>
            <div class="scroll"><table aria-label="Texts by class and part">
            <thead><tr><th scope="col">class</th>
            """);
        foreach (DataPart part in data.Parts)
        {
            html.AppendLine($"<th scope=\"col\" class=\"n\">{part.Name}</th>");
        }

        html.AppendLine($"</tr></thead><tbody>");
        for (int label = 0; label < report.Evaluation.LabelNames.Count; label++)
        {
            AppendRow(report.Evaluation.LabelNames[label], part => part.Counts[label]);
        }

        AppendRow("all", part => part.Counts.Sum());
        html.AppendLine($"</tbody></table></div>");
        AppendNotes(html, data);
        html.AppendLine($"</div></section>");

        void AppendRow(string name, Func<DataPart, int> count)
        {
            html.AppendLine($"<tr><th scope=\"row\" class=\"label\">{name}</th>");
            foreach (DataPart part in data.Parts)
            {
                html.AppendLine($"<td class=\"n\">{Count(count(part))}</td>");
            }

            html.AppendLine($"</tr>");
        }
    }

    private static void AppendNotes(HtmlBuilder html, DataSummary data)
    {
        if (data.EmptyTexts > 0)
        {
            html.AppendLine($"<p>{Count(data.EmptyTexts, "empty text was", "empty texts were")} left out.</p>");
        }

        if (data.TruncatedTexts > 0)
        {
            html.AppendLine($"<p>{Count(data.TruncatedTexts, "text is", "texts are")} longer than the model looks at, and cut.</p>");
        }

        if (data.DuplicatesAcrossParts == 0)
        {
            html.AppendLine($"<p>No text lies in more than one part.</p>");
        }
        else
        {
            html.AppendLine($"<p>{VerdictSection.Duplicates(data)}.</p>");
        }
    }
}
