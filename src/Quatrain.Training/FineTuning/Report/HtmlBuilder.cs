using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Quatrain.Training.Plots;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>Text that is markup already and is appended as it stands.</summary>
internal readonly record struct Markup(string Html);

/// <summary>Builds HTML from interpolated strings, whose holes are escaped unless they are <see cref="Markup"/>, so that no text can be forgotten.</summary>
internal sealed class HtmlBuilder
{
    private readonly StringBuilder _html = new();

    // The handler has put the parts into the builder by the time of the call.
    /// <summary>Appends the literal parts as markup and the holes as text, and ends the line.</summary>
    public void AppendLine([InterpolatedStringHandlerArgument("")] ref Interpolation interpolation) => _html.Append('\n');

    /// <summary>What has been appended.</summary>
    public override string ToString() => _html.ToString();

    /// <summary>Takes the parts of one interpolated string.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Interpolation
    {
        private readonly StringBuilder _html;

        public Interpolation(int literalLength, int formattedCount, HtmlBuilder builder)
        {
            _html = builder._html;
            _html.EnsureCapacity(_html.Length + literalLength + 8 * formattedCount);
        }

        public void AppendLiteral(string markup) => _html.Append(markup);

        public void AppendFormatted(Markup markup) => _html.Append(markup.Html);

        public void AppendFormatted(string? text) => _html.Append(MarkupText.Escape(text ?? ""));

        public void AppendFormatted<T>(T value, string? format = null)
            where T : IFormattable => _html.Append(MarkupText.Escape(value.ToString(format, CultureInfo.InvariantCulture)));
    }
}
