#!/usr/bin/env python3
"""What of a model to train, and where its head looks: the ways side by side, three seeds each, as a Markdown table.

    ablation.py --quatrain "dotnet .../quatrain.dll" --base runs/base --random runs/random --data SMSSpamCollection.tsv --out /somewhere

The base comes from benchmarks/configs/base-bpe.json; the random base from the same with one iteration and a learning rate of 1e-9. A seed decides the split, the head's
beginning and the order of texts. Runs that are there already are not done again.
"""
import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

# Name, whether the base is the random one, options.
WAYS = [
    ("head alone, last token", False, "--balance --train head --learning-rate 0.02 --epochs 10"),
    ("head alone, mean", False, "--balance --train head --pooling mean --learning-rate 0.02 --epochs 10"),
    ("last block, last token", False, "--balance --train last-1 --learning-rate 1e-3 --epochs 5"),
    ("last two blocks, last token", False, "--balance --train last-2 --learning-rate 1e-3 --epochs 5"),
    ("LoRA 16 on c_attn, last token", False, "--balance --train lora --learning-rate 1e-3 --epochs 4"),
    ("LoRA 16 on all layers, last token", False, "--balance --train lora --lora-targets c_attn c_proj c_fc --learning-rate 1e-3 --epochs 4"),
    ("LoRA 16 on all layers, mean", False, "--balance --train lora --lora-targets c_attn c_proj c_fc --pooling mean --learning-rate 1e-3 --epochs 4"),
    ("all, last token", False, "--balance --train all --learning-rate 4e-4 --epochs 4"),
    ("all, last padded position", False, "--balance --train all --pooling last-position --learning-rate 4e-4 --epochs 4"),
    ("all, mean", False, "--balance --train all --pooling mean --learning-rate 4e-4 --epochs 4"),
    ("random base, all, last token", True, "--balance --train all --learning-rate 4e-4 --epochs 4"),
    ("random base, all, mean", True, "--balance --train all --pooling mean --learning-rate 4e-4 --epochs 4"),
    ("whole set, all, mean", False, "--train all --pooling mean --learning-rate 4e-4 --epochs 2"),
]


def run(options, name, is_random, arguments, seed):
    folder = options.out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
    result = folder.with_suffix(".json")
    if not result.exists():
        base = options.random if is_random else options.base
        command = [*shlex.split(options.quatrain), "finetune", "classify", base, "--data", options.data, "--seed", str(seed), "--out", str(folder), "--json", *arguments.split()]
        print(" ".join(command), file=sys.stderr, flush=True)
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        result.write_bytes(output)
    return json.loads(result.read_text())


def spread(values, digits):
    return f"{statistics.mean(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quatrain", default="quatrain")
    parser.add_argument("--base", required=True)
    parser.add_argument("--random", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print("| What trains, where the head looks | weights | validation accuracy, % | validation log loss | test accuracy, % | test F1 | test ROC AUC | s an epoch |")
    print("|---|---|---|---|---|---|---|---|")
    for name, is_random, arguments in WAYS:
        results = [run(options, name, is_random, arguments, seed) for seed in options.seeds]
        print("| " + " | ".join([
            name,
            f"{results[0]['trained_parameters']:,}",
            spread([100 * r["validation"]["accuracy"] for r in results], 1),
            spread([r["validation"]["log_loss"] for r in results], 3),
            spread([100 * r["test"]["accuracy"] for r in results], 1),
            spread([r["test"]["f1"] for r in results], 3),
            spread([r["test"]["roc_auc"] for r in results], 3),
            f"{statistics.median(r['seconds_per_epoch'] for r in results):.1f}",
        ]) + " |", flush=True)


if __name__ == "__main__":
    main()
