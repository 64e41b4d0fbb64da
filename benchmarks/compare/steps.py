"""The training step: Quatrain beside PyTorch."""
import os
import statistics
import subprocess
from dataclasses import dataclass

import pytorch_settings
from programs import Failure, run_json, say


@dataclass(frozen=True)
class Workload:
    """A preset of `quatrain bench`, and the same model for torch_step.py."""
    preset: str
    batch: int
    context: int
    steps: int
    model: str
    dropout: float = 0.0


GPT2 = "--layers 12 --heads 12 --width 768 --vocabulary 50257 --positions 1024 --bias --activation gelu_tanh"
WORKLOADS = {
    "char-cpu": Workload("shakespeare-char-cpu", 12, 64, 60, "--layers 4 --heads 4 --width 128 --vocabulary 65"),
    "gpt2-4x64": Workload("gpt2", 4, 64, 4, GPT2),
    "gpt2-4x256": Workload("gpt2", 4, 256, 3, GPT2),
    "char-gpu": Workload("shakespeare-char", 64, 256, 3, "--layers 6 --heads 6 --width 384 --vocabulary 65", dropout=0.2),
}
SMALL_WORKLOADS = ("char-cpu", "gpt2-4x64")

# A trial takes a part of a turn's steps, but some.
TRIAL_PART, LEAST_TRIAL_STEPS = 4, 3
# Settings whose step takes so much longer than others' are out of the running: half as long again, and more than what a first step has to set up.
HOPELESS_SHARE, HOPELESS_MS = 1.5, 2_000


class Quatrain:
    """`quatrain bench`."""

    def __init__(self, command, threads):
        self.command = command
        # Quatrain knows the physical cores; PyTorch is to have as many threads.
        self.threads = threads or self._bench("nano", 1, 0)["threads"]

    def step(self, workload, steps):
        return self._bench(
            workload.preset, steps, self.threads, "--batch-size", str(workload.batch), "--context-length", str(workload.context))

    def _bench(self, preset, steps, threads, *more):
        return run_json([*self.command, "bench", "--json", "--preset", preset, "--steps", str(steps), "--threads", str(threads), *more])


def check_pytorch(python):
    try:
        found = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        found = False
    if not found:
        raise Failure(f"'{python}' has no PyTorch; give an interpreter that has it with --python (Debian's python3-torch belongs to /usr/bin/python3).")


class PyTorch:
    """torch_step.py, with any of the settings that this machine allows."""

    def __init__(self, python, threads, folder):
        self.python, self.threads = python, threads
        shim, missing = pytorch_settings.build_shim(folder)
        if missing:
            say(f"PyTorch's products stay with its own library: {missing}")
        self.settings = {}
        for degree in pytorch_settings.DEGREES:
            environment, words = pytorch_settings.environment(degree, threads, shim)
            # Where a degree finds nothing of its own, it is the one before.
            if all(words != others for _, others in self.settings.values()):
                self.settings[degree] = environment, words

    def step(self, workload, degree, steps, dropout, give_up_ms=None):
        command = [
            self.python, os.path.join(pytorch_settings.HERE, "torch_step.py"), *workload.model.split(), "--batch", str(workload.batch),
            "--context", str(workload.context), "--dropout", str(dropout), "--steps", str(steps), "--threads", str(self.threads)]
        if give_up_ms is not None:
            command += ["--give-up-ms", str(give_up_ms)]
        return run_json(command, self.settings[degree][0])

    def trial(self, workload, dropout):
        """The milliseconds of a step with each of the settings, the fastest first."""
        steps, times = max(LEAST_TRIAL_STEPS, workload.steps // TRIAL_PART), {}
        for degree in reversed(self.settings):
            best = min(times.values(), default=None)
            limit = None if best is None else max(HOPELESS_SHARE * best, best + HOPELESS_MS)
            times[degree] = self.step(workload, degree, steps, dropout, limit)["step_ms"]
        return dict(sorted(times.items(), key=lambda entry: entry[1]))


def compare(name, quatrain, pytorch, rounds, steps, same_dropout):
    workload = WORKLOADS[name]
    steps = steps or workload.steps
    dropout = workload.dropout if same_dropout else 0.0
    say(f"{name}: trying PyTorch's settings")
    trial = pytorch.trial(workload, dropout)
    degree = next(iter(trial))
    ours, theirs = [], []
    turns = [lambda: ours.append(quatrain.step(workload, steps)), lambda: theirs.append(pytorch.step(workload, degree, steps, dropout))]
    for number in range(rounds):
        say(f"{name}: round {number + 1} of {rounds}")
        # Who goes first changes, in case a round begins otherwise than it ends.
        for turn in turns if number % 2 == 0 else reversed(turns):
            turn()
    if ours[0]["parameters"] != theirs[0]["parameters"]:
        raise Failure(f"{name} is not the same model: {ours[0]['parameters']:,} parameters in Quatrain, {theirs[0]['parameters']:,} in PyTorch.")
    return {
        "workload": name, "threads": quatrain.threads, "torch": theirs[0]["torch"], "settings": pytorch.settings[degree][1], "trial_ms": trial,
        "quatrain_dropout": ours[0]["dropout"], "pytorch_dropout": dropout, **ratios(ours, theirs),
        "rounds": [{"quatrain": our, "pytorch": their} for our, their in zip(ours, theirs)],
    }


def ratios(ours, theirs):
    """What the rounds come to. A step of both counts as the same operations, and is held against the peak that was measured in its round."""
    def median(runs, key):
        return statistics.median(run[key] for run in runs)

    pairs = list(zip(ours, theirs))
    by_round = [their["step_ms"] / our["step_ms"] for our, their in pairs]
    return {
        "quatrain_ms": median(ours, "step_ms"), "quatrain_ms_min": min(run["step_ms_min"] for run in ours),
        "pytorch_ms": median(theirs, "step_ms"), "pytorch_ms_min": min(run["step_ms_min"] for run in theirs),
        "ratio": median(theirs, "step_ms") / median(ours, "step_ms"), "ratio_least": min(by_round), "ratio_most": max(by_round),
        "quatrain_share_of_peak": median(ours, "share_of_peak"),
        "pytorch_share_of_peak": statistics.median(our["share_of_peak"] * our["step_ms"] / their["step_ms"] for our, their in pairs),
        "quatrain_memory_mb": median(ours, "peak_memory_mb"), "pytorch_memory_mb": median(theirs, "peak_memory_mb"),
        "memory_ratio": median(theirs, "peak_memory_mb") / median(ours, "peak_memory_mb"),
    }


def write(results):
    print(f"Training step on {results[0]['threads']} threads: ms, the median (the fastest step); PyTorch {results[0]['torch']}.")
    print("Ratios are PyTorch's to Quatrain's: above 1 Quatrain is faster, or takes less memory. In brackets the range over the rounds.\n")
    print(f"{'':11}{'Quatrain':>18}{'PyTorch':>18}{'ratio':>19}{'share of peak':>17}{'peak memory, MB':>18}{'ratio':>7}")
    for r in results:
        ours = f"{r['quatrain_ms']:.1f} ({r['quatrain_ms_min']:.1f})"
        theirs = f"{r['pytorch_ms']:.1f} ({r['pytorch_ms_min']:.1f})"
        ratio = f"{r['ratio']:.2f} ({r['ratio_least']:.2f}-{r['ratio_most']:.2f})"
        share = f"{r['quatrain_share_of_peak']:.0%} : {r['pytorch_share_of_peak']:.0%}"
        memory = f"{r['quatrain_memory_mb']:.0f} : {r['pytorch_memory_mb']:.0f}"
        print(f"{r['workload']:11}{ours:>18}{theirs:>18}{ratio:>19}{share:>17}{memory:>18}{r['memory_ratio']:>7.2f}")
    print()
    for r in results:
        trial = ", ".join(f"{degree} {ms:.0f} ms" for degree, ms in r["trial_ms"].items())
        print(f"{r['workload']}: PyTorch's settings: {r['settings']} (a short trial: {trial}).")
        if r["quatrain_dropout"] != r["pytorch_dropout"]:
            print(f"{r['workload']}: Quatrain's step has dropout of {r['quatrain_dropout']}, PyTorch's {r['pytorch_dropout']}; --dropout gives PyTorch the same.")
