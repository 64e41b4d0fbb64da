using System.Globalization;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

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
