"""The program where something is absent that this system has: signals, system calls, modules, instructions.

macOS, Windows and ARM lack one or the other. Here each of them is taken away from a process of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Taken away before anything is imported. What other libraries cannot do without stays.
WITHOUT = """
import os, signal, sys
for owner, names in {
    os: "sched_getaffinity sched_yield sysconf process_cpu_count nice getloadavg fork mkfifo statvfs",
    signal: "SIGHUP SIGPIPE SIGALRM SIGQUIT SIGTSTP SIGCONT SIGUSR1 SIGWINCH SIGCHLD setitimer pthread_sigmask",
}.items():
    for name in names.split():
        if hasattr(owner, name):
            delattr(owner, name)
for name in ("fcntl", "resource", "termios", "pwd", "grp", "tty", "pty"):
    sys.modules[name] = None
"""

IMPORT_ALL = """
import pkgutil, textgen
for module in pkgutil.walk_packages(textgen.__path__, "textgen."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
"""

TRAIN = """
from textgen.cli import main
def run(*arguments):
    try:
        main(list(arguments))
    except SystemExit as end:
        assert not end.code, end.code
train = "train", "text.txt", "--output", "model.safetensors"
run(*train, "--hidden", "5", "--layers", "1", "--steps", "3", "--batch", "2")
run(*train, "--resume", "--steps", "4")
run("score", "ab", "--model", "model.safetensors")
"""

# The kernels of the crew, compiled anew, where LLVM knows neither this CPU nor a call by which threads give way.
MEET = """
import llvmlite.binding

def unknown(*_):
    raise RuntimeError("LLVM does not know this CPU")

found = llvmlite.binding.address_of_symbol
llvmlite.binding.get_host_cpu_features = unknown
llvmlite.binding.address_of_symbol = lambda name: None if name in ("sched_yield", "SwitchToThread") else found(name)

import numpy as np
from textgen.core.runtime import crew
from textgen.core.runtime.jit import kernel
from textgen.core.runtime.threads import Team
from textgen.core.runtime.vector_width import VECTOR_BYTES

crew._ON_X86 = False  # as on ARM

@kernel
def count(numbers, rounds, place):
    for _ in range(rounds):
        total = numbers[0] + numbers[1]
        crew.meet(place)
        numbers[place.part] += total
        crew.meet(place)

numbers, places = np.ones(2, np.int64), crew.crews(2)
with Team(2) as team:
    team.run(lambda part: count(numbers, 20, places[part]))
assert numbers.tolist() == [3**20] * 2, numbers
[code] = count.inspect_llvm().values()
assert "llvm.x86" not in code
assert "sched_yield" not in code
assert VECTOR_BYTES == 16
"""


def run(script: str, folder: Path, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    file = folder / "script.py"
    file.write_text(script, encoding="utf-8")
    kept = {} if cache is None else {"NUMBA_CACHE_DIR": str(cache)}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **kept}
    return subprocess.run(
        [sys.executable, str(file)], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_a_training_without_what_only_some_systems_have(tmp_path):
    (tmp_path / "text.txt").write_text("the cat sat on the mat.\nthe dog sat on the cat.\n" * 20)
    done = run(WITHOUT + IMPORT_ALL + TRAIN, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "finished  all steps done" in done.stderr
    assert "log_probability" in done.stdout


def test_threads_meet_on_a_cpu_and_a_system_that_are_unknown(tmp_path):
    done = run(WITHOUT + MEET, tmp_path, cache=tmp_path / "kernels")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["numba", "llvmlite"])
def test_the_versions_whose_internals_are_used_are_those_that_are_allowed(name):
    """Classes of Numba are replaced in part (kernel_cache.py, vector_width.py), whose parts it may rename at any time.

    So a new minor version is allowed only when the tests have passed with it.
    """
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    [bounds] = [re.fullmatch(rf"{name}>=(\d+)\.(\d+),<(\d+)\.(\d+)", each) for each in requirements if name in each]
    assert bounds is not None, "both bounds, each of two numbers"
    *least, major, minor = map(int, bounds.groups())
    assert least <= [*map(int, version(name).split(".")[:2])] < [major, minor]
    assert [major, minor] == [least[0], least[1] + 1], "one minor version: the one that is tested"
