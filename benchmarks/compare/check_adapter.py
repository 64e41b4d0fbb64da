"""Opens an adapter folder that Quatrain wrote, merges it into its base with NumPy alone, and says what the result computes.

    python check_adapter.py ADAPTER BASE [ID,ID,...]

BASE is the folder of the base (config.json and model.safetensors, F32). Nothing is shared with Quatrain or with PyTorch: PEFT's names, shapes and settings are
checked, W + alpha / r (B A)^T is formed in double precision, and a GPT-2 of a page computes with it. Prints the greedy continuation, to be compared with
`quatrain generate ADAPTER --prompt-ids ... --temperature 0 --json`, and the mean loss of the ids, with `quatrain eval ADAPTER --tokens`.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

PREFIX = "base_model.model.transformer."


def read_safetensors(path, needs_format=False):
    raw = Path(path).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    notes = header.pop("__metadata__", {})
    assert not needs_format or notes.get("format") == "pt", f"{path}: no format = pt"
    assert all(entry["dtype"] == "F32" for entry in header.values()), f"{path}: not all F32"
    return {name: np.frombuffer(raw[8 + length:][slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).astype(np.float64)
            for name, entry in header.items()}


def merge(folder, weights):
    settings = json.loads((Path(folder) / "adapter_config.json").read_text())
    assert settings["peft_type"] == "LORA" and settings["bias"] == "none" and settings["fan_in_fan_out"] is True
    rank = settings["r"]
    scale = settings["lora_alpha"] / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    tensors = read_safetensors(Path(folder) / "adapter_model.safetensors", needs_format=True)

    # What PEFT would adapt: modules whose name is a target or ends with one after a dot.
    modules = [name[:-len(".weight")] for name, array in weights.items() if array.ndim == 2 and name.startswith("h.")]
    chosen = [m for m in modules if any(f"transformer.{m}".endswith(f".{t}") for t in settings["target_modules"])]
    expected = {f"{PREFIX}{m}.lora_{side}.weight" for m in chosen for side in "AB"}
    assert chosen and set(tensors) == expected, f"tensors and target_modules differ: {sorted(set(tensors) ^ expected)}"
    for module in chosen:
        a, b = (tensors[f"{PREFIX}{module}.lora_{side}.weight"] for side in "AB")
        inputs, outputs = weights[f"{module}.weight"].shape
        assert a.shape == (rank, inputs) and b.shape == (outputs, rank), f"{module}: {a.shape}, {b.shape}"
        weights[f"{module}.weight"] = weights[f"{module}.weight"] + scale * (b @ a).T
    return len(chosen), rank


def logits(config, w, ids):
    def norm(name, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + config["layer_norm_epsilon"])
        return x * w[f"{name}.weight"] + w.get(f"{name}.bias", 0)

    def linear(name, x):
        return x @ w[f"{name}.weight"] + w.get(f"{name}.bias", 0)

    def gelu(x):
        if config["activation_function"] == "gelu":
            return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))

    heads, size = config["n_head"], config["n_embd"] // config["n_head"]
    x = w["wte.weight"][ids] + w["wpe.weight"][:len(ids)]
    for i in range(config["n_layer"]):
        qkv = linear(f"h.{i}.attn.c_attn", norm(f"h.{i}.ln_1", x)).reshape(len(ids), 3, heads, size).transpose(1, 2, 0, 3)
        scores = qkv[0] @ qkv[1].transpose(0, 2, 1) / math.sqrt(size)
        scores = np.where(np.tri(len(ids), dtype=bool), scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        gathered = (shares / shares.sum(-1, keepdims=True)) @ qkv[2]
        x = x + linear(f"h.{i}.attn.c_proj", gathered.transpose(1, 0, 2).reshape(len(ids), -1))
        x = x + linear(f"h.{i}.mlp.c_proj", gelu(linear(f"h.{i}.mlp.c_fc", norm(f"h.{i}.ln_2", x))))
    return norm("ln_f", x) @ w.get("lm_head.weight", w["wte.weight"]).T


def main():
    adapter, base = sys.argv[1:3]
    ids = [int(text) for text in (sys.argv[3] if len(sys.argv) > 3 else "5,0,66,12,33").split(",")]
    config = json.loads((Path(base) / "config.json").read_text())
    weights = {name.removeprefix("transformer."): array for name, array in read_safetensors(Path(base) / "model.safetensors").items()}
    layers, rank = merge(adapter, weights)
    rows = logits(config, weights, ids)[:-1]
    largest = rows.max(-1)
    losses = np.log(np.exp(rows - largest[:, None]).sum(-1)) + largest - rows[np.arange(len(rows)), ids[1:]]
    text = list(ids)
    while len(text) < min(config["n_positions"], len(ids) + 16):
        text.append(int(logits(config, weights, text)[-1].argmax()))
    print(json.dumps({"layers": layers, "rank": rank, "loss": float(losses.mean()), "ids": text[len(ids):]}))


if __name__ == "__main__":
    main()
