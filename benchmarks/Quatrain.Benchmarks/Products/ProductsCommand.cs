using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Benchmarks.Products;

/// <summary>products: a linear layer's three products, each timed for a moment, for `compare.py` to set beside other libraries'.</summary>
internal static class ProductsCommand
{
    private const long PeakBufferBytes = 16 << 20;

    public static RootCommand Create()
    {
        Argument<string[]> names = new("shapes") { Description = "Names of shapes; default: all.", Arity = ArgumentArity.ZeroOrMore };
        names.AcceptOnlyFromAmong([.. ProductShape.All.Select(shape => shape.Name)]);
        Option<bool> json = new("--json") { Description = "Write one JSON result." };
        Option<bool> list = new("--list") { Description = "List the shapes and measure nothing." };
        Option<int> threads = new("--threads") { Description = "Worker threads; 0 means one for each physical core." };
        Option<int> milliseconds = new("--milliseconds") { Description = "How long to repeat each product.", DefaultValueFactory = _ => 200 };
        RootCommand command = new("Times the products of linear layers: the best of as many calls as fit in a moment.") { names, json, list, threads, milliseconds };
        command.SetAction(parsed =>
        {
            string[] wanted = parsed.GetValue(names) ?? [];
            ProductShape[] shapes = [.. ProductShape.All.Where(shape => wanted.Length == 0 || wanted.Contains(shape.Name))];
            TimeSpan? duration = parsed.GetValue(list) ? null : TimeSpan.FromMilliseconds(parsed.GetValue(milliseconds));
            using WorkerPool pool = new(parsed.GetValue(threads));
            Action<TextWriter, int, IEnumerable<ProductSpeeds>> write = parsed.GetValue(json) ? WriteJson : WriteLines;
            write(parsed.InvocationConfiguration.Output, pool.Threads, shapes.Select(shape => duration is { } given ? Measure(shape, pool, given) : new(shape)));
        });
        return command;
    }

    private static unsafe ProductSpeeds Measure(ProductShape shape, WorkerPool pool, TimeSpan duration)
    {
        using NativeBuffer x = new((long)shape.Rows * shape.Inputs), weight = new((long)shape.Inputs * shape.Outputs), y = new((long)shape.Rows * shape.Outputs);
        new Span<float>(x.Data, (int)x.Length).Fill(0.5f);
        new Span<float>(weight.Data, (int)weight.Length).Fill(0.25f);
        LinearProducts products = new(shape, x.Data, weight.Data, y.Data, pool);
        using MachineProbe probe = new(pool, PeakBufferBytes);
        double peak = MachineSpeed.Measure(probe, duration, CancellationToken.None).PeakGflops;
        return new ProductSpeeds(shape, peak, Gflops(products.Forward), Gflops(products.InputGradient), Gflops(products.WeightGradient));

        double Gflops(Action product) => shape.Flops / Best(product, duration).TotalSeconds / 1e9;
    }

    private static TimeSpan Best(Action work, TimeSpan duration)
    {
        // The first call makes scratch memory and machine code.
        work();
        TimeSpan best = TimeSpan.MaxValue;
        long begun = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            work();
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            best = time < best ? time : best;
        }
        while (Stopwatch.GetElapsedTime(begun) < duration);
        return best;
    }

    private static void WriteLines(TextWriter output, int threads, IEnumerable<ProductSpeeds> speeds)
    {
        output.WriteLine($"GFLOP/s with {threads} thread(s)");
        output.WriteLine($"{"layer",-36}{"peak",9}{"forward",9}{"dx",9}{"dW",9}");
        foreach (ProductSpeeds speed in speeds)
        {
            output.WriteLine($"{speed.Shape,-36}{speed.Peak,9:F0}{speed.Forward,9:F0}{speed.InputGradient,9:F0}{speed.WeightGradient,9:F0}");
        }
    }

    private static void WriteJson(TextWriter output, int threads, IEnumerable<ProductSpeeds> speeds)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("threads", threads);
            writer.WriteStartArray("products");
            foreach (ProductSpeeds speed in speeds)
            {
                Write(writer, speed);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static void Write(Utf8JsonWriter writer, ProductSpeeds speed)
    {
        writer.WriteStartObject();
        writer.WriteString("name", speed.Shape.Name);
        writer.WriteNumber("rows", speed.Shape.Rows);
        writer.WriteNumber("outputs", speed.Shape.Outputs);
        writer.WriteNumber("inputs", speed.Shape.Inputs);
        writer.WriteBoolean("transposed", speed.Shape.Transposed);
        if (speed.Peak is { } peak)
        {
            writer.WriteNumber("peak_gflops", peak);
            writer.WriteNumber("forward", speed.Forward!.Value);
            writer.WriteNumber("dx", speed.InputGradient!.Value);
            writer.WriteNumber("dw", speed.WeightGradient!.Value);
        }

        writer.WriteEndObject();
    }

    /// <summary>10^9 floating-point operations a second; null where nothing was measured.</summary>
    private sealed record ProductSpeeds(
        ProductShape Shape, double? Peak = null, double? Forward = null, double? InputGradient = null, double? WeightGradient = null);
}
