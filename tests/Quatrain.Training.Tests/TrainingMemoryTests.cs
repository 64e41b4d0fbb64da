using System.Globalization;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Data;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests;

public sealed class TrainingMemoryTests
{
    private static readonly TrainingOptions Options = SmallRun.Options with
    {
        LayerCount = 2,
        EmbeddingSize = 64,
        ContextLength = 64,
        BatchSize = 70,
        Dropout = 0.1,
    };

    private static int VocabularySize => SmallRun.Tokenizer.VocabularySize;

    [Fact]
    public void A_step_takes_the_memory_forecast_for_its_largest_slice()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(Options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, Options, pool);

        trainer.Step();

        // 70 sequences of 64 tokens in slices of 23, 23 and 24, the largest last.
        trainer.ActivationBytes.ShouldBe(Gpt2Memory.TrainingActivationBytes(model.Config, 24, Options.ContextLength));
    }

    [Fact]
    public void An_evaluation_takes_less_memory_than_a_step()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(Options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, Options, pool);
        using Evaluator evaluator = new(model, pool);
        int[] ids = [.. SmallRun.Tokens.Train.Span];

        trainer.Step();
        evaluator.Evaluate(EvaluationWindows.Plain(ids, Options.ContextLength));

        evaluator.ActivationBytes.ShouldBeLessThan(trainer.ActivationBytes / 2);
    }

    [Fact]
    public void Evaluations_and_samples_take_the_memory_forecast()
    {
        TrainingOptions options = Options with { Data = "text.txt", SampleEvery = 1 };
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(options, VocabularySize);
        using Evaluator evaluator = new(model, pool);
        TrainingMemory memory = TrainingMemory.OfRun(model.Config, options);

        evaluator.Evaluate(EvaluationWindows.Plain(SmallRun.Tokens.Train, options.ContextLength));

        memory.EvaluationBytes.ShouldBe(evaluator.ActivationBytes);
        memory.SamplingBytes.ShouldBeGreaterThanOrEqualTo(Gpt2Memory.KvCacheBytes(model.Config, 1, options.ContextLength));
        TrainingMemory bare = TrainingMemory.OfRun(model.Config, options with { ValidationFraction = 0, SampleEvery = 0 });
        (bare.EvaluationBytes, bare.SamplingBytes).ShouldBe((0, 0));
        bare.TotalBytes.ShouldBe(Gpt2Memory.TrainingBytes(model.Config, 24, options.ContextLength));
        memory.TotalBytes.ShouldBe(bare.TotalBytes + memory.EvaluationBytes + memory.SamplingBytes);
    }

    [Theory]
    [InlineData(70, "choose a smaller --batch-size (with as many more --accumulation-steps), a shorter --context-length or a smaller model.")]
    [InlineData(1, "choose a shorter --context-length or a smaller model.")]
    public void A_run_fits_in_exactly_what_it_needs_and_in_nothing_less(int batchSize, string change)
    {
        TrainingMemory memory = TrainingMemory.OfRun(TrainingRun.ModelConfig(Options, 5000), Options with { Data = "text.txt", BatchSize = batchSize });
        long lasting = memory.WeightBytes + memory.GradientBytes + memory.OptimizerBytes;

        memory.CheckFits(memory.TotalBytes);
        string message = Should.Throw<InvalidDataException>(() => memory.CheckFits(memory.TotalBytes - 1)).Message;
        message.ShouldBe(FormattableString.Invariant(
            $"Training this model needs {memory.TotalBytes / (double)(1 << 30):N1} GB of memory ({lasting / (double)(1 << 30):N1} GB for weights, gradients and AdamW's moments, the rest for {memory.SliceSize} x 64 tokens at a time), and {memory.TotalBytes / (double)(1 << 30):N1} GB are available; {change}"));
        Should.Throw<InvalidDataException>(() => memory.CheckFits(lasting - 1)).Message.ShouldEndWith("; choose a smaller model.");
    }

    /// <summary>16 bytes a weight, and what a slice of the presets' batches takes.</summary>
    [Theory]
    [InlineData("gpt2", 2.0, 5.0)]
    [InlineData("gpt2-large", 12.4, 18.0)]
    [InlineData("gpt2-xl", 24.9, 33.0)]
    public void Published_sizes_need_what_their_weights_say(string preset, double least, double most)
    {
        TrainingOptions options = Presets.Load(preset);

        TrainingMemory.OfRun(TrainingRun.ModelConfig(options, 50_257), options).TotalBytes.ShouldBeInRange((long)(least * 1e9), (long)(most * 1e9));
    }

    /// <summary>
    /// The memory of a step is over four thousand pages. If it were asked of the system in each step, there would be more faults even where pages are huge.
    /// </summary>
    [LinuxFact]
    public void A_warm_step_makes_no_page_faults()
    {
        const int Steps = 4;
        TrainingOptions options = Options with { BatchSize = 32 };
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, options, pool);
        for (int step = 0; step < 3; step++)
        {
            trainer.Step();
        }

        // Only this thread's are counted, which does all of the work; still, some rounds see the runtime look after itself.
        long fewest = long.MaxValue;
        for (int round = 0; round < 6; round++)
        {
            long before = MinorFaults();
            for (int step = 0; step < Steps; step++)
            {
                trainer.Step();
            }

            fewest = Math.Min(fewest, MinorFaults() - before);
        }

        trainer.ActivationBytes.ShouldBeGreaterThan(4000 * 4096);
        fewest.ShouldBeLessThan(Steps * 32);
    }

    private static long MinorFaults()
    {
        string stat = File.ReadAllText("/proc/thread-self/stat");
        // After the program's name, which may hold spaces: state, five ids, flags, and the tenth field of all.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[7], CultureInfo.InvariantCulture);
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class LinuxFactAttribute : FactAttribute
    {
        public LinuxFactAttribute()
        {
            if (!OperatingSystem.IsLinux())
            {
                Skip = "counts page faults in /proc, which only Linux has";
            }
        }
    }
}
