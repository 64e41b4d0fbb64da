using Quatrain.Training.FineTuning.Metrics;
using static Quatrain.Training.FineTuning.Report.ReportNumbers;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The test texts it got wrong, the surest first: wrong labels and strange texts show up here.</summary>
internal static class MistakesSection
{
    private const int MaximumCharacters = 600;

    public static void Append(HtmlBuilder html, ClassifierReport report)
    {
        ClassifierEvaluation evaluation = report.Evaluation;
        IReadOnlyList<Mistake> mistakes = evaluation.Mistakes(ClassifierReport.MaximumMistakes);
        int count = evaluation.Test.Count - evaluation.Test.Confusion.Correct;
        html.AppendLine($"<section><h2>Texts it got wrong</h2><div class=\"card\">");
        if (count == 0)
        {
            html.AppendLine($"<p>None of the {Count(evaluation.Test.Count, "test text", "test texts")}.</p></div></section>");
            return;
        }

        string which = count > mistakes.Count ? $"The surest {Count(mistakes.Count)} of {Count(count)}" : count == 1 ? "The only one" : $"All {Count(count)}, the surest first";
        html.AppendLine($"""
            <p class="quiet">{which}, with the probability given to the wrong class. A sure mistake may be a wrong label.</p>
            <div class="scroll"><table aria-label="Texts it got wrong">
            <thead><tr><th scope="col">text</th><th scope="col">true</th><th scope="col">predicted</th><th scope="col" class="n">probability</th></tr></thead><tbody>
            """);
        foreach (Mistake mistake in mistakes)
        {
            html.AppendLine($"""
                <tr><td class="text" dir="auto">{Beginning(mistake.Text)}</td><td class="label">{evaluation.LabelNames[mistake.Label]}</td>
                <td class="label">{evaluation.LabelNames[mistake.Predicted]}</td><td class="n">{Probability(mistake.Probability)}</td></tr>
                """);
        }

        html.AppendLine($"</tbody></table></div></div></section>");
    }

    private static string Beginning(string text) => text.Length <= MaximumCharacters
        ? text
        : $"{text.AsSpan(0, MaximumCharacters - (char.IsHighSurrogate(text[MaximumCharacters - 1]) ? 1 : 0))}… ({Count(text.Length)} characters)";
}
