using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Quatrain.Tokenizers;
using Quatrain.Tokenizers.BytePair;

namespace Quatrain.Benchmarks.Tokenizers;

/// <summary>tokenizer: how fast byte-pair encoding and decoding are, on real text and on text made to be slow.</summary>
internal static class TokenizerCommand
{
    private const int HostileLength = 1_000_000;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1.5);

    private static readonly (string Name, string Unit)[] Hostile =
    [
        ("spaces", " "), ("line ends", "\n"), ("one letter", "a"), ("two letters", "ab"), ("zeros", "0"), ("digits", "0123456789"), ("exclamation marks", "!"), ("signs", "=-#*"),
        ("a letter beyond ASCII", "é"), ("a letter beyond the first plane", "𝒜"),
    ];

    public static RootCommand Create()
    {
        Argument<string> tokenizer = new("tokenizer") { Description = "A byte-pair tokenizer's file or folder." };
        Argument<string[]> texts = new("texts") { Description = "Text files, joined and repeated to the size.", Arity = ArgumentArity.OneOrMore };
        Option<int> megabytes = new("--megabytes") { Description = "The size of the text.", DefaultValueFactory = _ => 20 };
        RootCommand command = new("Times encoding and decoding: the best of as many calls as fit in a moment, in MB (10^6 bytes) of text a second.") { tokenizer, texts, megabytes };
        command.SetAction(parsed => Measure(
            parsed.GetValue(tokenizer)!, parsed.GetValue(texts)!, parsed.GetValue(megabytes), parsed.InvocationConfiguration.Output));
        return command;
    }

    private static void Measure(string path, string[] files, int megabytes, TextWriter output)
    {
        long begun = Stopwatch.GetTimestamp();
        BytePairTokenizer tokenizer = (BytePairTokenizer)TokenizerFile.Load(path);
        Line("read the files", $"{Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms, machine code made on the way");

        byte[] once = [.. files.SelectMany(File.ReadAllBytes)];
        byte[] utf8 = new byte[megabytes * 1_000_000];
        for (int at = 0; at < utf8.Length; at += once.Length)
        {
            once.AsSpan(0, Math.Min(once.Length, utf8.Length - at)).CopyTo(utf8.AsSpan(at));
        }

        string text = Encoding.UTF8.GetString(utf8);
        int[] ids = tokenizer.EncodeUtf8(utf8);
        Line("text", $"{utf8.Length:N0} bytes, {ids.Length:N0} tokens");
        Speed("encode UTF-8, 1 thread", utf8.Length, () => tokenizer.EncodeUtf8(utf8));
        Speed("encode UTF-8, 1 thread, remembering no pieces", utf8.Length, () =>
        {
            PieceEncoder encoder = tokenizer.NewEncoder(remembers: false);
            encoder.Encode(utf8);
            return encoder;
        });
        Speed("cut UTF-8 into pieces", utf8.Length, () =>
        {
            int pieces = 0;
            for (int at = 0; at < utf8.Length; at = PieceScanner.End(utf8, at))
            {
                pieces++;
            }

            return pieces;
        });
        Speed("encode a string, 1 thread", utf8.Length, () => tokenizer.Encode(text));
        Speed($"encode UTF-8, {Environment.ProcessorCount} threads", utf8.Length, () => tokenizer.EncodeUtf8Parallel(utf8));
        Speed("decode to bytes", utf8.Length, () => tokenizer.DecodeBytes(ids));
        Speed("decode to a string", utf8.Length, () => tokenizer.Decode(ids));
        foreach ((string name, string unit) in Hostile)
        {
            byte[] hostile = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(unit, HostileLength / Encoding.UTF8.GetByteCount(unit))));
            TimeSpan best = Best(() => tokenizer.EncodeUtf8(hostile), TimeSpan.FromSeconds(0.3));
            Line($"{hostile.Length:N0} bytes of {name}", string.Create(CultureInfo.InvariantCulture, $"{best.TotalMilliseconds:F0} ms"));
        }

        void Speed(string name, int bytes, Func<object> work) =>
            Line(name, string.Create(CultureInfo.InvariantCulture, $"{bytes / Best(work, Duration).TotalSeconds / 1e6:F1} MB/s"));

        void Line(string name, string value) => output.WriteLine($"{name,-56}{value}");
    }

    private static TimeSpan Best(Func<object> work, TimeSpan duration)
    {
        TimeSpan best = TimeSpan.MaxValue;
        long begun = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            GC.KeepAlive(work());
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            best = time < best ? time : best;
        }
        while (Stopwatch.GetElapsedTime(begun) < duration);
        return best;
    }
}
