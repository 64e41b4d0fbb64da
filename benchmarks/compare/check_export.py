"""Loads a folder that `quatrain export` wrote as Hugging Face's GPT2LMHeadModel would, strictly, and says what it computes.

    python check_export.py FOLDER [ID,ID,...]

Needs PyTorch and NumPy only: the model below has the class's names, shapes and arithmetic, so that a weight that is missing, extra or of another shape is
refused here as it is there. Prints the greedy continuation, to be compared with `quatrain generate FOLDER --prompt-ids ... --temperature 0`, and the mean loss.
"""

import json
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

TYPES = {"F32": (np.float32, torch.float32), "F16": (np.float16, torch.float16), "BF16": (np.int16, torch.bfloat16)}


def read_safetensors(path):
    """The tensors of a file, by name."""
    raw = np.fromfile(path, dtype=np.uint8)
    length = struct.unpack("<Q", raw[:8].tobytes())[0]
    header = json.loads(raw[8:8 + length].tobytes())
    if header.pop("__metadata__", {}).get("format") != "pt":
        raise ValueError(f"{path}: the metadata have no format = pt, without which transformers refuses a file")
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        numbers, torch_type = TYPES[entry["dtype"]]
        # As the class saves itself; the published files do without, and both are read.
        name = name[len("transformer."):] if name.startswith("transformer.") else name
        tensors[name] = torch.from_numpy(raw[start:end].copy().view(numbers).reshape(entry["shape"])).view(torch_type)
    return tensors


class Conv1D(nn.Module):
    """A linear layer whose weight is [inputs, outputs]."""

    def __init__(self, outputs, inputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = Conv1D(3 * width, width)
        self.c_proj = Conv1D(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        query, key, value = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for part in self.c_attn(x).split(width, dim=2))
        scores = query @ key.transpose(2, 3) / (width // self.heads) ** 0.5
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, float("-inf")).softmax(-1) @ value
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, length, width))


class Mlp(nn.Module):
    def __init__(self, width, activation):
        super().__init__()
        self.activation = activation
        self.c_fc = Conv1D(4 * width, width)
        self.c_proj = Conv1D(width, 4 * width)

    def forward(self, x):
        return self.c_proj(self.activation(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, config, activation):
        super().__init__()
        width, epsilon = config["n_embd"], config["layer_norm_epsilon"]
        self.ln_1 = nn.LayerNorm(width, eps=epsilon)
        self.attn = Attention(width, config["n_head"])
        self.ln_2 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = Mlp(width, activation)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt2(nn.Module):
    def __init__(self, config):
        super().__init__()
        activations = {"gelu_new": lambda x: F.gelu(x, approximate="tanh"), "gelu": F.gelu, "relu": F.relu}
        self.wte = nn.Embedding(config["vocab_size"], config["n_embd"])
        self.wpe = nn.Embedding(config["n_positions"], config["n_embd"])
        self.h = nn.ModuleList(Block(config, activations[config["activation_function"]]) for _ in range(config["n_layer"]))
        self.ln_f = nn.LayerNorm(config["n_embd"], eps=config["layer_norm_epsilon"])

    def forward(self, ids, head):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ (self.wte.weight if head is None else head).T


def main():
    folder = sys.argv[1]
    with open(f"{folder}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    if config["model_type"] != "gpt2" or config["architectures"] != ["GPT2LMHeadModel"]:
        raise ValueError(f"{folder}/config.json is not of a GPT2LMHeadModel")
    tensors = read_safetensors(f"{folder}/model.safetensors")
    head = tensors.pop("lm_head.weight", None)
    if (head is None) != config["tie_word_embeddings"]:
        raise ValueError("tie_word_embeddings says otherwise than the weights")
    with torch.no_grad():
        model = Gpt2(config)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
        print(f"{len(tensors)} tensors, all that there should be, {sum(t.numel() for t in tensors.values()):,} parameters")
        text = sys.argv[2] if len(sys.argv) > 2 else "0,1,2,3"
        ids = torch.tensor([[int(number) for number in text.split(",")]])
        logits = model(ids, head)
        print(f"loss {F.cross_entropy(logits[0, :-1], ids[0, 1:]).item():.6f}")
        count = min(16, config["n_positions"] - ids.shape[1])
        for _ in range(count):
            ids = torch.cat([ids, model(ids, head)[:, -1].argmax(-1, keepdim=True)], dim=1)
        print("ids", ",".join(str(number) for number in ids[0, -count:].tolist()))


if __name__ == "__main__":
    main()
