#!/usr/bin/env python3
"""nanoGPT's model in its own CPU example, with a pass over the full validation split at the end.

The counterpart of: quatrain train --preset shakespeare-char-cpu --data input.txt --seed SEED --json

    python3 benchmarks/nanogpt_char_cpu.py NANOGPT INPUT SEED...

NANOGPT is a checkout of karpathy/nanoGPT, INPUT is Tiny Shakespeare. It runs with the best of the settings in `compare/pytorch_settings.py`.
"""
import contextlib
import io
import math
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare"))
import pytorch_settings

THREADS = 2
if __name__ == "__main__":
    pytorch_settings.restart_with_best(THREADS)

# Only now: what it is told counts from the start of the process.
import torch

CONTEXT, BATCH, ITERATIONS, WARMUP = 64, 12, 2000, 100
PEAK, LEAST = 1e-3, 1e-4


def learning_rate(iteration):
    if iteration < WARMUP:
        return PEAK * (iteration + 1) / (WARMUP + 1)
    share = (iteration - WARMUP) / (ITERATIONS - WARMUP)
    return LEAST + 0.5 * (1 + math.cos(math.pi * share)) * (PEAK - LEAST)


def train(gpt, config, text, seed):
    torch.manual_seed(seed)
    characters = sorted(set(text))
    ids = {character: i for i, character in enumerate(characters)}
    data = torch.tensor([ids[character] for character in text])
    split = int(len(text) * 0.9)
    training, validation = data[:split], data[split:]
    with contextlib.redirect_stdout(io.StringIO()):
        model = gpt(config(block_size=CONTEXT, vocab_size=len(characters), n_layer=4, n_head=4, n_embd=128, dropout=0.0, bias=False))
        optimizer = model.configure_optimizers(0.1, PEAK, (0.9, 0.99), "cpu")
    begun, steps = time.perf_counter(), []
    for iteration in range(ITERATIONS):
        start = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(iteration)
        starts = torch.randint(len(training) - CONTEXT, (BATCH,))
        inputs = torch.stack([training[i:i + CONTEXT] for i in starts])
        targets = torch.stack([training[i + 1:i + CONTEXT + 1] for i in starts])
        _, loss = model(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps.append(time.perf_counter() - start)
    seconds = time.perf_counter() - begun
    model.eval()
    windows = (len(validation) - 1) // CONTEXT
    inputs = validation[:windows * CONTEXT].view(windows, CONTEXT)
    targets = validation[1:windows * CONTEXT + 1].view(windows, CONTEXT)
    total = 0.0
    with torch.no_grad():
        for i in range(0, windows, 64):
            _, loss = model(inputs[i:i + 64], targets[i:i + 64])
            total += loss.item() * targets[i:i + 64].numel()
    print(f"seed {seed}: validation {total / targets.numel():.4f} over {targets.numel()} targets; "
          f"{seconds:.1f} s, median step {1000 * statistics.median(steps):.1f} ms", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    from model import GPT, GPTConfig

    torch.set_num_threads(THREADS)
    with open(sys.argv[2], encoding="utf-8") as file:
        shakespeare = file.read()
    for argument in sys.argv[3:]:
        train(GPT, GPTConfig, shakespeare, int(argument))
