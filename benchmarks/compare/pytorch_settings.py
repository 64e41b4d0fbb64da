"""What to tell PyTorch so that it does its best on this machine, in three degrees.

stock  as it is installed.
told   The processor's widest registers by name, because older OpenBLAS builds don't know newer processors and fall back to the slowest kernels, and
       OpenBLAS's OpenMP build where it is installed, because two sets of threads that both spin hinder each other.
best   As told, with BLAS's sgemm_ handed to oneDNN where that is installed, and with glibc made to keep its heap, on huge pages, so that no step begins by
       asking the system for its memory again.
"""
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEGREES = ("stock", "told", "best")
GIBIBYTES_16 = 16 << 30
_MARK = "QUATRAIN_PYTORCH_SETTINGS"


def openblas_folder():
    """The folder of OpenBLAS's OpenMP build, or None."""
    return next(iter(sorted(glob.glob("/usr/lib/*/openblas-openmp"))), None)


def has_avx512():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return " avx512f " in file.read()
    except OSError:
        return False


def build_shim(folder):
    """Compiles the library that hands sgemm_ to oneDNN into `folder`. Returns its path and None, or None and what is missing."""
    shim = os.path.join(folder, "sgemm_onednn.so")
    return compile_c(["-shared", "-fPIC", os.path.join(HERE, "sgemm_onednn.c"), "-ldnnl"], shim)


def compile_c(arguments, target):
    """Runs gcc. Returns the target and None, or None and what went wrong in a line."""
    try:
        done = subprocess.run(["gcc", "-O2", "-o", target, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None, "gcc is not installed"
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["gcc failed"])[0]
    return target, None


def environment(degree, threads, shim=None):
    """The environment for `degree` and what of it is in effect, in words."""
    variables, words = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}, []
    if degree != "stock":
        if has_avx512():
            variables.update(OPENBLAS_CORETYPE="SkylakeX", ATEN_CPU_CAPABILITY="avx512")
            words.append("AVX-512 by name")
        if openblas_folder():
            variables["LD_LIBRARY_PATH"] = ":".join(filter(None, [openblas_folder(), os.environ.get("LD_LIBRARY_PATH")]))
            words.append("OpenBLAS with OpenMP")
    if degree == "best":
        if shim:
            variables["LD_PRELOAD"] = ":".join(filter(None, [shim, os.environ.get("LD_PRELOAD")]))
            words.append("products by oneDNN")
        if sys.platform == "linux":
            variables["GLIBC_TUNABLES"] = (
                f"glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold={GIBIBYTES_16}:glibc.malloc.trim_threshold={GIBIBYTES_16}")
            words.append("heap kept, on huge pages")
    return {**os.environ, **variables}, ", ".join(words) or "as installed"


def restart_with_best(threads):
    """Starts the running script again with the best settings, unless it has them: they count only from the start of a process."""
    if os.environ.get(_MARK) == "best":
        return
    folder = os.path.join(os.path.expanduser(os.environ.get("XDG_CACHE_HOME", "~/.cache")), "quatrain-benchmarks")
    os.makedirs(folder, exist_ok=True)
    shim, missing = build_shim(folder)
    if missing:
        print(f"Products stay with PyTorch's own library: {missing}.", file=sys.stderr)
    variables, words = environment("best", threads, shim)
    print(f"PyTorch's settings: {words}.", file=sys.stderr, flush=True)
    os.execve(sys.executable, [sys.executable, *sys.argv], {**variables, _MARK: "best"})
