"""Runs the programs that are compared."""
import json
import os
import subprocess
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    """Something a person can put right, in one sentence."""


def say(text):
    """Tells how far things are, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def run_json(command, environment=None):
    """Runs a command and returns the JSON that it writes."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"'{' '.join(command)}' ended with {done.returncode}: {last}")
    return json.loads(done.stdout)


def build(project, assembly):
    """Builds a project of this repository and returns the command that starts it."""
    say(f"building {project}")
    try:
        done = subprocess.run(["dotnet", "build", "-c", "Release", os.path.join(REPOSITORY, project)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failure("'dotnet' was not found; install the .NET 10 SDK.") from None
    if done.returncode != 0:
        raise Failure(f"{project} does not build; 'dotnet build -c Release {project}' says why.")
    return start(os.path.join(REPOSITORY, "artifacts", "bin", os.path.basename(project), "release", f"{assembly}.dll"))


def start(path):
    """The command that starts a program, a .dll by dotnet."""
    if not os.path.exists(path):
        raise Failure(f"There is no '{path}'; give the path of quatrain or quatrain.dll.")
    return ["dotnet", path] if path.endswith(".dll") else [os.path.abspath(path)]
