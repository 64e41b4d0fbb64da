#!/usr/bin/env python3
"""One PyTorch training step of a GPT as Quatrain makes it: forward, backward, clipping, AdamW. Random weights and tokens. Writes one line of JSON.

    python3 torch_step.py --layers 4 --heads 4 --width 128 --vocabulary 65 --batch 12 --context 64 --steps 60
"""
import argparse
import json
import math
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

# The first steps grow the heap. Long ones are done with that sooner.
WARM_UP_STEPS, WARM_UP_SECONDS, LEAST_WARM_UP_STEPS = 3, 2.0, 2
HAS_FUSED_ATTENTION = hasattr(functional, "scaled_dot_product_attention")


class LayerNorm(nn.Module):
    """nn.LayerNorm, whose bias older versions can't leave out."""

    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.heads, self.dropout = options.heads, options.dropout
        self.qkv = nn.Linear(options.width, 3 * options.width, bias=options.bias)
        self.out = nn.Linear(options.width, options.width, bias=options.bias)
        mask = torch.ones(options.context, options.context, dtype=torch.bool).triu(1)
        self.register_buffer("later", mask.view(1, 1, options.context, options.context), persistent=False)

    def forward(self, x):
        batch, length, width = x.shape
        # Three views [B, H, T, D] of what the one product made.
        q, k, v = (part.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for part in self.qkv(x).split(width, dim=2))
        if HAS_FUSED_ATTENTION:
            y = functional.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(width // self.heads))
            scores = scores.masked_fill(self.later[:, :, :length, :length], float("-inf"))
            y = functional.dropout(functional.softmax(scores, dim=-1), self.dropout) @ v
        return functional.dropout(self.out(y.transpose(1, 2).reshape(batch, length, width)), self.dropout)


class FeedForward(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.activation, self.dropout = options.activation, options.dropout
        self.up = nn.Linear(options.width, 4 * options.width, bias=options.bias)
        self.down = nn.Linear(4 * options.width, options.width, bias=options.bias)

    def forward(self, x):
        approximate = "tanh" if self.activation == "gelu_tanh" else "none"
        return functional.dropout(self.down(functional.gelu(self.up(x), approximate=approximate)), self.dropout)


class Block(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.norm_1, self.attention = LayerNorm(options.width, options.bias), Attention(options)
        self.norm_2, self.feed_forward = LayerNorm(options.width, options.bias), FeedForward(options)

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.feed_forward(self.norm_2(x))


class Gpt(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.dropout = options.dropout
        self.tokens = nn.Embedding(options.vocabulary, options.width)
        self.positions = nn.Embedding(options.positions or options.context, options.width)
        self.blocks = nn.ModuleList(Block(options) for _ in range(options.layers))
        self.norm = LayerNorm(options.width, options.bias)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        x = functional.dropout(x, self.dropout)
        for block in self.blocks:
            x = block(x)
        # The head shares the token embeddings' table.
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def make_optimizer(model):
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    try:
        return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    except (RuntimeError, TypeError):
        # On a CPU there is none before version 2.4.
        return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))


def step(model, optimizer, options):
    """Seconds of: forward, backward, clipping, AdamW; and the loss."""
    ids = torch.randint(options.vocabulary, (options.batch, options.context + 1))
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
    marks = [time.perf_counter()]
    loss = model(inputs, targets)
    marks.append(time.perf_counter())
    loss.backward()
    marks.append(time.perf_counter())
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    marks.append(time.perf_counter())
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    marks.append(time.perf_counter())
    return [end - start for start, end in zip(marks, marks[1:])], loss.item()


def measure(options):
    model = Gpt(options)
    optimizer = make_optimizer(model)
    times, warm_up = [], []
    while len(times) < options.steps:
        parts, loss = step(model, optimizer, options)
        # A set-up that is far out of the running need not show more.
        hopeless = options.give_up_ms is not None and 1000 * sum(parts) > options.give_up_ms
        warm = len(warm_up) >= WARM_UP_STEPS or (len(warm_up) >= LEAST_WARM_UP_STEPS and sum(warm_up) > WARM_UP_SECONDS)
        if warm or hopeless:
            times.append(parts)
        else:
            warm_up.append(sum(parts))
        if hopeless:
            break
    forward, backward, clip, adamw = (1000 * statistics.median(part) for part in zip(*times))
    totals = [1000 * sum(parts) for parts in times]
    # Kilobytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "torch": torch.__version__, "threads": torch.get_num_threads(), "parameters": sum(p.numel() for p in model.parameters()),
        "steps": len(times), "step_ms": statistics.median(totals), "step_ms_min": min(totals), "forward_ms": forward, "backward_ms": backward,
        "clip_ms": clip, "adamw_ms": adamw, "peak_memory_mb": peak / (1 << 20), "loss": loss,
    }


def add_model_arguments(parser):
    for name in ("layers", "heads", "width", "vocabulary", "context"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--positions", type=int, help="rows of the position table; default: the context")
    parser.add_argument("--activation", choices=("gelu_exact", "gelu_tanh"), default="gelu_exact")
    parser.add_argument("--bias", action="store_true", help="biases in the linear layers and norms")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as PyTorch takes by itself")


def main():
    parser = argparse.ArgumentParser(description="Time a GPT's training step in PyTorch.")
    add_model_arguments(parser)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--give-up-ms", type=float, help="stop after a step that takes longer")
    options = parser.parse_args()
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    torch.manual_seed(1337)
    print(json.dumps(measure(options)))


if __name__ == "__main__":
    main()
