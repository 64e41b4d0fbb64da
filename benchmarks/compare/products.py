"""Matrix products: Quatrain beside oneDNN and OpenBLAS."""
import os

import pytorch_settings
from programs import Failure, run_json, say

FORMS = {"forward": "forward", "dx": "dx", "dw": "dW"}


class Libraries:
    """products.c, once with each library that is installed."""

    def __init__(self, threads, folder):
        source = os.path.join(pytorch_settings.HERE, "products.c")
        self.environment, self.words = pytorch_settings.environment("best", threads)
        openblas = pytorch_settings.openblas_folder()
        attempts = {
            "oneDNN": ["-DUSE_ONEDNN", source, "-ldnnl"],
            "OpenBLAS": [source, *([f"-L{openblas}"] if openblas else []), "-l:libopenblas.so.0"],
        }
        self.programs = {}
        for name, arguments in attempts.items():
            program, missing = pytorch_settings.compile_c(arguments, os.path.join(folder, f"products-{name}"))
            if missing:
                say(f"without {name}: {missing}")
            else:
                self.programs[name] = program
        if not self.programs:
            raise Failure("Neither oneDNN nor OpenBLAS is here to compare with; install libdnnl-dev or libopenblas0-openmp, and gcc.")

    def measure(self, name, shape, milliseconds):
        sizes = [shape["rows"], shape["outputs"], shape["inputs"], int(shape["transposed"])]
        return run_json([self.programs[name], str(milliseconds), *map(str, sizes)], self.environment)


def compare(quatrain, threads, folder, rounds, milliseconds, wanted):
    listing = run_json([*quatrain, "products", "--list", "--json", "--threads", str(threads)])
    libraries = Libraries(listing["threads"], folder)
    shapes = [shape for shape in listing["products"] if not wanted or shape["name"] in wanted]
    unknown = set(wanted) - {shape["name"] for shape in shapes}
    if unknown:
        raise Failure(f"There is no shape '{min(unknown)}'; there are {', '.join(shape['name'] for shape in listing['products'])}.")

    def ours(shape):
        command = [*quatrain, "products", "--json", "--threads", str(listing["threads"]), "--milliseconds", str(milliseconds), shape["name"]]
        return run_json(command)["products"][0]

    results, peak = [], 0.0
    for shape in shapes:
        say(shape["name"])
        runs = {name: [] for name in ("Quatrain", *libraries.programs)}
        for number in range(rounds):
            for name in runs if number % 2 == 0 else reversed(runs):
                runs[name].append(ours(shape) if name == "Quatrain" else libraries.measure(name, shape, milliseconds))
        peak = max(peak, *(run["peak_gflops"] for run in runs["Quatrain"]))
        results.append({
            **shape,
            # The best of all rounds: a product is too short for a median to leave out the moments in which others have the machine.
            "gflops": {name: {form: max(run[form] for run in of) for form in FORMS} for name, of in runs.items()},
        })
    return {"threads": listing["threads"], "settings": libraries.words, "peak_gflops": peak, "products": results}


def write(result):
    names = list(result["products"][0]["gflops"])
    print(f"Matrix products on {result['threads']} threads: the best GFLOP/s, and its share of the multiply-add peak of {result['peak_gflops']:.0f}.")
    print(f"The libraries' settings: {result['settings']}.\n")
    print(f"{'y[M,N] = x[M,K] W[K,N]':40}{'':9}{''.join(f'{name:>15}' for name in names)}")
    for product in result["products"]:
        size = f"{product['name']} {product['rows']}x{product['outputs']}x{product['inputs']}"
        for form, title in FORMS.items():
            speeds = (product["gflops"][name][form] for name in names)
            cells = "".join(f"{speed:>9.0f} {speed / result['peak_gflops']:>5.0%}" for speed in speeds)
            print(f"{size:40}{title:9}{cells}")
            size = ""
