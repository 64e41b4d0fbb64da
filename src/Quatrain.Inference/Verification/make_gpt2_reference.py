"""Makes gpt2-124m.json, the facts about the published GPT-2 124M that `quatrain verify` holds a model against.

    python3 make_gpt2_reference.py FOLDER

FOLDER holds what others have published and what was gathered from it: gpt2-124M-tensor-hashes.json (Git's SHA-1 of each tensor's bytes),
gpt2-124M-golden.json (the 20 largest logits after five prompts, by an export with the exact GELU), gpt2-124M-reference-facts.json (greedy
continuations, losses) and encoder.json (the vocabulary, in FOLDER or in ../gpt2-tokenizer). Nothing is computed but token ids of one printed text.
"""

import json
import re
import struct
import sys
from pathlib import Path

PREFIX = "transformer."
TRAINING_STEPS = 10


def float32(value):
    """The shortest decimal that is the same float32."""
    exact = struct.unpack("<f", struct.pack("<f", value))[0]
    return next(short for short in (float(f"{exact:.{digits}g}") for digits in range(1, 18)) if struct.unpack("<f", struct.pack("<f", short))[0] == exact)


def printed_ids(folder, text, wanted):
    """The ids of an English text that was printed: whole words are in the vocabulary, so each is looked up."""
    home = folder if (folder / "encoder.json").exists() else folder.parent / "gpt2-tokenizer"
    vocabulary = json.loads((home / "encoder.json").read_text(encoding="utf-8"))
    pieces = re.findall(r"\n| ?[A-Za-z]+| ?[^\sA-Za-z]+", text)
    ids = [vocabulary[piece.replace(" ", "\u0120").replace("\n", "\u010a")] for piece in pieces]
    assert len(ids) == wanted, (len(ids), wanted)
    return ids


def main(folder):
    def read(name):
        return json.loads((folder / f"gpt2-124M-{name}.json").read_text(encoding="utf-8"))

    weights = {}
    for tensor in read("tensor-hashes")["tensors"]:
        weights.setdefault(tensor["tensor"].removeprefix(PREFIX), []).append(tensor["git_blob_sha1"])
    assert len(weights) == 148 and len(weights["wte.weight"]) == 2

    logits = [
        {"name": golden["name"], "prompt": golden["prompt"], "ids": golden["token_ids"],
         "top": [[token["id"], float32(token["logit"])] for token in golden["top20"]]}
        for golden in read("golden")]

    facts = read("reference-facts")
    continuations = []
    for fact in facts["greedy_generation"]:
        prompt = fact["prompt_ids"]
        if "output_ids" in fact:
            expected = fact["output_ids"]
        elif "full_ids_max_length_20" in fact:
            expected = fact["full_ids_max_length_20"][len(prompt):]
        else:
            # Of the forty tokens that were made, the last is not in the text that was printed.
            expected = printed_ids(folder, fact["text_as_printed"], fact["text_as_printed_token_count"])
        continuations.append({"source": fact["source"], "ids": prompt, "expected": expected})

    training = facts["finetune_overfit_one_batch"]
    optimizer = training["optimizer"]
    reference = {
        "name": "GPT-2 124M",
        "config": {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257,
                   "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5},
        "weights": weights,
        "logits": {"activation_function": "gelu", "prompts": logits},
        "continuations": continuations,
        "losses": [{"source": "TransformerLensOrg/TransformerLens", "ids": [50256, 15496, 995, 0], "loss": facts["loss"][0]["mean_cross_entropy"]}],
        "training": {
            "source": "karpathy/llm.c", "ids": training["batch_tokens_257"], "batch_size": training["B"],
            "learning_rate": optimizer["lr"], "beta1": optimizer["beta1"], "beta2": optimizer["beta2"], "epsilon": optimizer["eps"],
            "weight_decay": optimizer["weight_decay"], "first_logit": training["first_logit"], "losses": training["expected_losses_test_gpt2_c"],
        },
    }
    assert len(reference["training"]["losses"]) == TRAINING_STEPS
    lines = [f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in reference.items()]
    Path(__file__).with_name("gpt2-124m.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")


main(Path(sys.argv[1]))
