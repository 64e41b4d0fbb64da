#!/usr/bin/env python3
"""Quatrain beside PyTorch, or beside oneDNN and OpenBLAS, on this machine: they take turns, and the ratios are printed.

    python3 benchmarks/compare/compare.py                          # the training step of small workloads
    python3 benchmarks/compare/compare.py gpt2-4x256 --rounds 5
    python3 benchmarks/compare/compare.py --products               # matrix products, all shapes
    python3 benchmarks/compare/compare.py --generation             # reading and generating with GPT-2's 124M

Other programs and, on a virtual machine, other guests make a machine slower from minute to minute. So a ratio is taken within a round, in which everybody
has had a turn, and given with its range over the rounds. PyTorch runs with the fastest of the settings in `pytorch_settings.py`.
"""
import argparse
import json
import sys
import tempfile

import generation
import products
import steps
from programs import Failure, build, start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=(
        f"workloads ({', '.join(steps.WORKLOADS)}; default: {', '.join(steps.SMALL_WORKLOADS)}), or with --products shapes (default: all)"))
    parser.add_argument("--products", action="store_true", help="compare matrix products instead of training steps")
    parser.add_argument("--generation", action="store_true", help="compare reading and generating instead of training steps")
    parser.add_argument("--llama-bench", metavar="PROGRAM", help="with --generation: llama.cpp's llama-bench")
    parser.add_argument("--gguf", metavar="FORMAT=FILE", action="append", default=[], help=(
        f"with --llama-bench: what it reads as {', '.join(generation.FORMATS)}, a 124M model each; 'quatrain export' writes them"))
    parser.add_argument("--rounds", type=int, default=3, help="how often each has a turn (default: 3)")
    parser.add_argument("--steps", type=int, help="steps in a turn (default: the workload's)")
    parser.add_argument("--milliseconds", type=int, default=150, help="how long a turn repeats each product (default: 150)")
    parser.add_argument("--dropout", action="store_true", help="give PyTorch the dropout that Quatrain's preset has")
    parser.add_argument("--threads", type=int, default=0, help="default: one for each physical core")
    parser.add_argument("--python", default="python3", help="the interpreter that has PyTorch (default: python3)")
    parser.add_argument("--quatrain", help="path of quatrain or quatrain.dll (default: built from this repository)")
    parser.add_argument("--json", action="store_true", help="write everything that was measured as JSON")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not options.products:
        for name in options.names:
            if name not in steps.WORKLOADS:
                parser.error(f"there is no workload '{name}'; there are {', '.join(steps.WORKLOADS)}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            compare(options, folder)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2
    return 0


def compare(options, folder):
    if options.products:
        program = build("benchmarks/Quatrain.Benchmarks", "Quatrain.Benchmarks")
        result = products.compare(program, options.threads, folder, options.rounds, options.milliseconds, options.names)
        write = products.write
    elif options.generation:
        command = start(options.quatrain) if options.quatrain else build("src/Quatrain.Cli", "quatrain")
        quatrain = generation.Quatrain(command, options.threads or steps.Quatrain(command, 0).threads)
        steps.check_pytorch(options.python)
        pytorch = generation.PyTorchGeneration(options.python, quatrain.threads, folder)
        llama = generation.LlamaCpp(options.llama_bench, options.gguf, quatrain.threads) if options.llama_bench else None
        result, write = generation.compare(quatrain, pytorch, llama, options.rounds), generation.write
    else:
        steps.check_pytorch(options.python)
        command = start(options.quatrain) if options.quatrain else build("src/Quatrain.Cli", "quatrain")
        quatrain = steps.Quatrain(command, options.threads)
        pytorch = steps.PyTorch(options.python, quatrain.threads, folder)
        result = [
            steps.compare(name, quatrain, pytorch, options.rounds, options.steps, options.dropout) for name in options.names or steps.SMALL_WORKLOADS]
        write = steps.write
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        write(result)


if __name__ == "__main__":
    sys.exit(main())
