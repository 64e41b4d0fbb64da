"""Reading a prompt and generating with GPT-2's 124M, random weights: Quatrain beside PyTorch, and beside llama.cpp where it is given."""
import os
import statistics

import pytorch_settings
from programs import Failure, run_json, say
from steps import PyTorch

PRESET = "gpt2"
MODEL = "--layers 12 --heads 12 --width 768 --vocabulary 50257 --context 1024 --bias --activation gelu_tanh"
FORMATS = ("fp32", "bf16", "int8")
PROMPT, BEFORE, TOKENS = 512, 32, 48


class Quatrain:
    """`quatrain bench --decode`."""

    def __init__(self, command, threads):
        self.command, self.threads = command, threads

    def measure(self, weights):
        read = self._bench(weights, PROMPT, 2)
        write = self._bench(weights, BEFORE, TOKENS)
        self.threads = write["threads"]
        return {
            "prompt": read["prompt_tokens_per_second"], "decode": write["tokens_per_second"], "share_of_peak": read["prompt_share_of_peak"],
            "share_of_memory": write["step_share_of_memory"], "memory_gb_s": write["memory_gb_s"], "peak_gflops": read["peak_gflops"],
        }

    def _bench(self, weights, prompt, tokens):
        return run_json([
            *self.command, "bench", "--decode", "--json", "--preset", PRESET, "--weights", weights, "--context-length", str(prompt), "--steps", str(tokens),
            "--threads", str(self.threads)])


class PyTorchGeneration(PyTorch):
    """torch_generate.py, with any of the settings that this machine allows. Its bfloat16 is no faster, so it holds float32."""

    def measure(self, degree):
        result = run_json([
            self.python, os.path.join(pytorch_settings.HERE, "torch_generate.py"), *MODEL.split(), "--prompt", str(PROMPT), "--before", str(BEFORE),
            "--tokens", str(TOKENS), "--threads", str(self.threads)], self.settings[degree][0])
        return {"prompt": result["prefill_tokens_per_second"], "decode": result["decode_tokens_per_second"]}

    def best(self):
        """The settings that generate fastest."""
        return max(self.settings, key=lambda degree: self.measure(degree)["decode"])


class LlamaCpp:
    """llama-bench, on a GGUF file a format."""

    def __init__(self, program, files, threads):
        self.program, self.threads = program, threads
        self.files = dict(file.split("=", 1) for file in files)
        unknown = set(self.files) - set(FORMATS)
        if unknown:
            raise Failure(f"--gguf names {', '.join(sorted(unknown))}; write FORMAT=FILE, the format being one of {', '.join(FORMATS)}.")

    def measure(self, weights):
        rows = run_json([
            self.program, "-m", self.files[weights], "-p", str(PROMPT), "-n", str(TOKENS), "-t", str(self.threads), "-r", "1", "-o", "json"])
        return {"prompt" if row["n_prompt"] else "decode": row["avg_ts"] for row in rows}


def compare(quatrain, pytorch, llama, rounds):
    say("trying PyTorch's settings")
    degree = pytorch.best()
    turns = {f"Quatrain {weights}": lambda weights=weights: quatrain.measure(weights) for weights in FORMATS}
    turns["PyTorch fp32"] = lambda: pytorch.measure(degree)
    if llama:
        turns.update({f"llama.cpp {weights}": lambda weights=weights: llama.measure(weights) for weights in llama.files})
    results = {name: [] for name in turns}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        # Who goes first changes, in case a round begins otherwise than it ends.
        for name in turns if number % 2 == 0 else reversed(turns):
            results[name].append(turns[name]())
    return {
        "threads": quatrain.threads, "prompt_tokens": PROMPT, "tokens_before": BEFORE, "tokens": TOKENS,
        "settings": pytorch.settings[degree][1], "rounds": results,
    }


def write(result):
    print(f"GPT-2 124M, random weights, {result['threads']} threads, tokens a second: the median of the rounds (least to most).")
    print(f"Reading {result['prompt_tokens']} tokens; generating {result['tokens']} one by one after {result['tokens_before']}, llama.cpp after none.\n")
    print(f"{'':18}{'reading':>22}{'generating':>24}")
    for name, rounds in result["rounds"].items():
        print(f"{name:18}{_middle(rounds, 'prompt', 0):>22}{_middle(rounds, 'decode', 1):>24}")
    ours = [run for name, rounds in result["rounds"].items() if name.startswith("Quatrain") for run in rounds]
    fp32 = result["rounds"]["Quatrain fp32"]
    print(f"\nThe machine, as Quatrain measures it: {_median(ours, 'peak_gflops'):.0f} GFLOP/s and {_median(ours, 'memory_gb_s'):.1f} GB/s. Quatrain's fp32 reads at "
          f"{_median(fp32, 'share_of_peak'):.0%} of the one and generates at {_median(fp32, 'share_of_memory'):.0%} of the other.")
    print(f"PyTorch's settings: {result['settings']}.")


def _median(runs, key):
    return statistics.median(run[key] for run in runs)


def _middle(runs, key, digits):
    values = [run[key] for run in runs]
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
