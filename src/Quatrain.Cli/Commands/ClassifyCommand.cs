using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Quatrain.Cli.Hosting;
using Quatrain.Inference.Classification;
using Quatrain.Models;
using Quatrain.Models.Checkpoints;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain classify: tells the class of a text, of each line of standard input, or of each row of a table.</summary>
internal static class ClassifyCommand
{
    private const int RowsAtOnce = 256;

    public static Command Create()
    {
        Argument<string> model = new("model") { Description = "A folder that quatrain finetune classify made.", HelpName = "DIR" };
        Argument<string?> text = new("text") { Description = "A text to classify; without one and without --input, each line of standard input.", HelpName = "TEXT", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> input = new("--input") { Description = "A CSV, TSV or JSONL file, each row of which is classified.", HelpName = "file" };
        Option<string?> output = new("--output") { Description = "Where the rows go with label and probability; default: standard output.", HelpName = "file" };
        Option<double?> threshold = NumberOption.OptionalDecimal("--threshold", "Of two classes, the probability from which on the one that is looked for (finetune classify --positive) is chosen; default: the likeliest, or as training chose.");
        Option<string?> weights = WeightsOption.Create();
        Option<string?> baseModel = LoadedModel.BaseOption();
        ColumnOptionSet columns = new(labels: "The column or field of labels: tells how many the classifier gets right, in place of the rows.");
        Command command = new("classify", "Tell the class of texts and how likely it is: a text, lines of standard input, or a table in and out.")
        {
            model, text, input, output, threshold, weights, baseModel,
        };
        columns.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            (string? given, string? file, string? target) = (parsed.GetValue(text), parsed.GetValue(input), parsed.GetValue(output));
            if (given is not null && file is not null)
            {
                throw new InvalidDataException("A text and --input exclude each other; give one of them.");
            }

            if (target is not null && file is null)
            {
                throw new InvalidDataException("--output is for the rows of a table; give --input too.");
            }

            LabeledTextOptions table = columns.Parse(parsed);
            if (file is null && table != new LabeledTextOptions())
            {
                throw new InvalidDataException("The options about columns are for a table; give --input too.");
            }

            using TextClassifier classifier = TextClassifier.Load(ModelPath.Resolve(parsed.GetValue(model)!), new TextClassifierOptions
            {
                Threads = parsed.GetValue(GlobalOptions.Threads),
                Weights = WeightsOption.Parse(parsed.GetValue(weights)),
                Threshold = parsed.GetValue(threshold),
                BaseModel = parsed.GetValue(baseModel),
            });
            if (given is not null)
            {
                Write(parsed, classifier, classifier.Classify(given), null);
            }
            else if (file is not null && table.LabelColumn is not null)
            {
                if (target is not null)
                {
                    throw new InvalidDataException("--label-column asks how many are right, and --output for the rows; give one of them.");
                }

                ClassifierScore.Run(parsed, classifier, file, table, cancellation);
            }
            else if (file is not null)
            {
                ClassifyTable(parsed, classifier, TextTable.Open(file, table), file, target, cancellation);
            }
            else
            {
                ClassifyLines(parsed, classifier, cancellation);
            }

            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static void ClassifyLines(ParseResult parsed, TextClassifier classifier, CancellationToken cancellation)
    {
        // Not disposed of: after Ctrl-C a read of it may still wait.
        StreamReader reader = new(Console.OpenStandardInput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        Summary summary = new(classifier, parsed.InvocationConfiguration.Error);
        long before = 0;
        foreach (string[] lines in LineBatches.Read(reader, RowsAtOnce, cancellation))
        {
            IReadOnlyList<Classification> results = classifier.ClassifyAll(lines, i => LineBatches.Where(before + i + 1), cancellation);
            before += lines.Length;
            for (int i = 0; i < lines.Length; i++)
            {
                Write(parsed, classifier, results[i], lines[i]);
            }

            summary.Add(results);
        }

        summary.Write();
    }

    private static void ClassifyTable(ParseResult parsed, TextClassifier classifier, TextTable table, string file, string? target, CancellationToken cancellation)
    {
        if (target is not null && Path.GetFullPath(target) == Path.GetFullPath(file))
        {
            throw new InvalidDataException($"--output is '{target}', the very file that is read; choose another.");
        }

        Summary summary = new(classifier, parsed.InvocationConfiguration.Error);
        bool json = parsed.GetValue(GlobalOptions.Json);
        void Classify(Action<TextTableRow, Classification> write)
        {
            foreach (TextTableRow[] rows in table.Rows().Chunk(RowsAtOnce))
            {
                IReadOnlyList<Classification> results = classifier.ClassifyAll([.. rows.Select(row => row.Text)], i => table.Where(rows[i]), cancellation);
                for (int i = 0; i < rows.Length; i++)
                {
                    write(rows[i], results[i]);
                }

                summary.Add(results);
            }
        }

        void WriteTable(Stream stream)
        {
            using TextTableWriter writer = new(table, stream);
            Classify((row, result) => writer.Write(row, result.Label, result.Probability));
        }

        if (target is not null)
        {
            AtomicFile.Write(target, WriteTable);
        }
        else if (json)
        {
            // One kind of output at a time: an object a row in place of the table.
            Classify((row, result) => Write(parsed, classifier, result, row.Text));
        }
        else
        {
            using MemoryStream stream = new();
            using Stream output = parsed.InvocationConfiguration.Output == Console.Out ? Console.OpenStandardOutput() : stream;
            WriteTable(output);
            if (output == stream)
            {
                parsed.InvocationConfiguration.Output.Write(Encoding.UTF8.GetString(stream.ToArray()));
            }
        }

        summary.Write();
        if (json && target is not null)
        {
            JsonOutput.Write(parsed.InvocationConfiguration.Output, writer =>
            {
                writer.WriteString("output", target);
                summary.WriteTo(writer);
            });
        }
    }

    private static void Write(ParseResult parsed, TextClassifier classifier, Classification result, string? text)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (!parsed.GetValue(GlobalOptions.Json))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Label}\t{result.Probability:F4}{(text is null ? "" : $"\t{text}")}"));
            return;
        }

        Action<Utf8JsonWriter> write = writer =>
        {
            if (text is not null)
            {
                writer.WriteString("text", text);
            }

            writer.WriteString("label", result.Label);
            writer.WriteNumber("probability", result.Probability);
            writer.WriteStartObject("probabilities");
            for (int i = 0; i < classifier.Labels.Count; i++)
            {
                writer.WriteNumber(classifier.Labels[i], result.Probabilities[i]);
            }

            writer.WriteEndObject();
            writer.WriteBoolean("truncated", result.IsTruncated);
        };
        if (text is null)
        {
            JsonOutput.Write(output, write);
        }
        else
        {
            JsonOutput.WriteLine(output, write);
        }
    }

    /// <summary>How many texts were classified, and how fast.</summary>
    private sealed class Summary(TextClassifier classifier, TextWriter error)
    {
        private readonly long _begun = Stopwatch.GetTimestamp();
        private readonly Dictionary<string, long> _counts = [];
        private long _texts;
        private long _truncated;

        public void Add(IReadOnlyList<Classification> results)
        {
            _texts += results.Count;
            foreach (Classification result in results)
            {
                _counts[result.Label] = _counts.GetValueOrDefault(result.Label) + 1;
                _truncated += result.IsTruncated ? 1 : 0;
            }
        }

        public void WriteTo(Utf8JsonWriter writer)
        {
            writer.WriteNumber("texts", _texts);
            writer.WriteNumber("truncated", _truncated);
            writer.WriteNumber("seconds", Math.Round(Stopwatch.GetElapsedTime(_begun).TotalSeconds, 3));
            writer.WriteStartObject("counts");
            foreach (string label in classifier.Labels)
            {
                writer.WriteNumber(label, _counts.GetValueOrDefault(label));
            }

            writer.WriteEndObject();
        }

        public void Write()
        {
            double seconds = Stopwatch.GetElapsedTime(_begun).TotalSeconds;
            string counts = string.Join(", ", classifier.Labels.Where(_counts.ContainsKey).Take(10).Select(label => string.Create(CultureInfo.InvariantCulture, $"{label} {_counts[label]:N0}")));
            error.WriteLine(_texts == 0
                ? "There were no texts."
                : string.Create(CultureInfo.InvariantCulture, $"{_texts:N0} {(_texts == 1 ? "text" : "texts")} in {seconds:F1} s, {_texts / seconds:N0} a second: {counts}."));
            if (_truncated > 0)
            {
                error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"warning: {_truncated:N0} of them {(_truncated == 1 ? "has" : "have")} more than {classifier.Settings.MaxLength} tokens, so the end was not looked at."));
            }
        }
    }
}
