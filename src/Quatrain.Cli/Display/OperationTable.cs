using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Hosting;
using Quatrain.Tensors.Profiling;
using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Where the time of some steps went, operation by operation, for people and as JSON.</summary>
internal static class OperationTable
{
    /// <summary>Writes a table of the time that one of <paramref name="steps"/> took, which took <paramref name="seconds"/> together.</summary>
    public static void Write(TextWriter output, IReadOnlyList<OperationTotal> operations, int steps, double seconds, MachineSpeed machine)
    {
        // Lean enough for a terminal of 80 columns.
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string title in (string[])["Operation", "Size", "Calls", "ms", "Step %", "GFLOP/s", "GB/s", "Peak %"])
        {
            TableColumn column = new(title) { Padding = new Padding(0), NoWrap = true };
            table.AddColumn(title is "Operation" or "Size" ? column : column.RightAligned());
        }

        foreach (OperationTotal total in operations)
        {
            table.AddRow(
                Markup.Escape(total.Operation.Name), Size(total.Operation), Invariant($"{(double)total.Calls / steps:0.##}"), Milliseconds(total.Seconds / steps),
                Percent(total.Seconds / seconds), Invariant($"{total.Gflops:F1}"), Invariant($"{total.GigabytesPerSecond:F1}"), Percent(total.ShareOfPeak(machine)));
        }

        double other = seconds - operations.Sum(total => total.Seconds);
        table.AddRow("everything else", "", "", Milliseconds(other / steps), Percent(other / seconds), "", "", "");
        TableOutput.Write(output, table);
    }

    /// <summary>Writes an array of the operations.</summary>
    /// <inheritdoc cref="Write(TextWriter, IReadOnlyList{OperationTotal}, int, double, MachineSpeed)"/>
    public static void Write(Utf8JsonWriter writer, string name, IReadOnlyList<OperationTotal> operations, int steps, double seconds, MachineSpeed machine)
    {
        writer.WriteStartArray(name);
        foreach (OperationTotal total in operations)
        {
            writer.WriteStartObject();
            writer.WriteString("name", total.Operation.Name);
            writer.WriteNumber("rows", total.Operation.Rows);
            writer.WriteNumber("columns", total.Operation.Columns);
            writer.WriteNumber("depth", total.Operation.Depth);
            writer.WriteNumber("calls", (double)total.Calls / steps);
            writer.WriteNumber("ms", total.Seconds / steps * 1e3);
            writer.WriteNumberOrNull("gflops", total.Gflops);
            writer.WriteNumberOrNull("gb_s", total.GigabytesPerSecond);
            writer.WriteNumberOrNull("share_of_step", total.Seconds / seconds);
            writer.WriteNumberOrNull("share_of_peak", total.ShareOfPeak(machine));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static string Milliseconds(double seconds)
    {
        double milliseconds = seconds * 1e3;
        return milliseconds.ToString(milliseconds < 100 ? "F3" : "F1", CultureInfo.InvariantCulture);
    }

    private static string Percent(double share) => Invariant($"{share * 100:F1}");

    private static string Size(Operation operation) =>
        Invariant($"{operation.Rows}x{operation.Columns}{(operation.Depth > 0 ? Invariant($"x{operation.Depth}") : "")}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
