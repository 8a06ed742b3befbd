"""How long the commands of every day take until the first byte of what they write stands on the screen.

    python -m tests.benchmarks.first_token [--rounds 9] [--only SUBSTRING]

Each command is started anew at a pseudo-terminal, and ended at its first byte. The models are those that the commands
find: with TEXTGEN_HOME naming an empty folder, those that come with textgen. The first round is not counted: in it
kernels may be compiled, and files are read that no one has read before. Seconds are of the clock on the wall, then of
the CPU, of all threads: where something else runs on the machine, the latter are nearer to what a quiet one takes.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.benchmarks.options import is_chosen, make_parser

SENTENCES = ("The apple and pair salad.", "The apple and pear salad.")
COMMANDS = {
    "sample --level char": ("sample", "--level", "char"),
    "sample --level word": ("sample", "--level", "word"),
    "complete": ("complete", "Cats average 15"),
    "score --rank": ("score", "--rank", *SENTENCES),
    "--help": ("--help",),  # what a start takes without a model
}


def measure(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Seconds on the wall, and CPU seconds, from the start of the process to the first byte of its output.

    Raises RuntimeError if it ends without one.
    """
    terminal, child = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "textgen", *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=child, stderr=subprocess.DEVNULL, env=environment
    )
    os.close(child)
    try:
        found = os.read(terminal, 1)
    except OSError:  # so Linux says that nobody writes any more
        found = b""
    wall = time.perf_counter() - started
    process.kill()
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for
    os.close(terminal)
    if not found:
        raise RuntimeError(f"textgen {' '.join(arguments)}: it has written nothing")
    return wall, used.ru_utime + used.ru_stime


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS if is_chosen(name, options.only)}
    for number in range(options.rounds + 1):
        for name, times in found.items():
            measured = measure(COMMANDS[name])
            if number:
                times.append(measured)
    table = Table("command", "wall, best", "median", "CPU, best", "median")
    for name, times in found.items():
        wall, cpu = zip(*times, strict=True)
        table.add_row(name, *(f"{figure:.3f} s" for kind in (wall, cpu) for figure in (min(kind), median(kind))))
    Console().print(table)


if __name__ == "__main__":
    main()
