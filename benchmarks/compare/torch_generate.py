#!/usr/bin/env python3
"""PyTorch reading a prompt and generating with a key-value cache, one sequence. Random weights and tokens. Writes one line of JSON.

    python3 torch_generate.py --layers 12 --heads 12 --width 768 --vocabulary 50257 --context 1024 --bias --activation gelu_tanh --prompt 512 --tokens 64
"""
import argparse
import json
import math
import statistics
import time

import torch
from torch.nn import functional

from torch_step import Gpt, add_model_arguments

WARM_UP = 2


class Cache:
    """The keys and values of one block [1, H, room, D], filled from the left."""

    def __init__(self, options):
        shape = (1, options.heads, options.context, options.width // options.heads)
        self.keys, self.values, self.length = torch.zeros(shape), torch.zeros(shape), 0

    def append(self, keys, values):
        end = self.length + keys.shape[2]
        self.keys[:, :, self.length:end], self.values[:, :, self.length:end] = keys, values
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]


def attend(attention, x, cache):
    _, length, width = x.shape
    q, k, v = (part.view(1, length, attention.heads, width // attention.heads).transpose(1, 2) for part in attention.qkv(x).split(width, dim=2))
    keys, values = cache.append(k, v)
    scores = (q @ keys.transpose(-2, -1)) * (1 / math.sqrt(width // attention.heads))
    if length > 1:
        scores = scores.masked_fill(attention.later[:, :, cache.length - length:cache.length, :cache.length], float("-inf"))
    y = functional.softmax(scores, dim=-1) @ values
    return attention.out(y.transpose(1, 2).reshape(1, length, width))


def logits_of_last(model, ids, caches):
    """The scores of what follows `ids`, which come after what the caches hold."""
    start = caches[0].length
    x = model.tokens(ids) + model.positions(torch.arange(start, start + ids.shape[1]))
    for block, cache in zip(model.blocks, caches):
        x = x + attend(block.attention, block.norm_1(x), cache)
        x = x + block.feed_forward(block.norm_2(x))
    return functional.linear(model.norm(x[:, -1]), model.tokens.weight)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@torch.no_grad()
def measure(options):
    model = Gpt(options)

    def caches():
        return [Cache(options) for _ in model.blocks]

    prompt = torch.randint(options.vocabulary, (1, options.prompt))
    prefill = [seconds(lambda: logits_of_last(model, prompt, caches())) for _ in range(WARM_UP + options.repeats)][WARM_UP:]
    own = caches()
    token = logits_of_last(model, prompt[:, :options.before], own).argmax(-1, keepdim=True)
    times = []
    for _ in range(WARM_UP + options.tokens):
        def step():
            nonlocal token
            token = logits_of_last(model, token, own).argmax(-1, keepdim=True)
        times.append(seconds(step))
    return {
        "torch": torch.__version__, "threads": torch.get_num_threads(), "parameters": sum(p.numel() for p in model.parameters()),
        "prefill_tokens_per_second": options.prompt / statistics.median(prefill),
        "decode_tokens_per_second": options.tokens / sum(times[WARM_UP:]),
    }


def main():
    parser = argparse.ArgumentParser(description="Time a GPT's reading and generation in PyTorch.")
    add_model_arguments(parser)
    parser.add_argument("--prompt", type=int, default=512, help="tokens to read")
    parser.add_argument("--before", type=int, default=32, help="tokens in the cache when generation begins")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to generate")
    parser.add_argument("--repeats", type=int, default=3, help="readings of the prompt")
    options = parser.parse_args()
    options.dropout = 0.0
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    torch.manual_seed(1337)
    print(json.dumps(measure(options)))


if __name__ == "__main__":
    main()
