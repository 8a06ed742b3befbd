"""What textgen does in a second, beside PyTorch and ONNX Runtime, on the same text in the same run.

    python -m tests.benchmarks [--threads 2] [--rounds 5] [--only SUBSTRING] [--text DIR] [--json FILE]

All figures are medians over rounds taken A B A B; of each peer's settings the fastest in a short trial is measured.
What is not installed is left out. A training step is forward, backward, clipping by global norm and Adam, the state
carried from window to window; its GFLOP/s count the products alone, 3 x 2 x multiply-adds. Run it on a machine that
does nothing else: threads that wait for each other lose most where a core is taken, and PyTorch's lose more than ours.
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

from rich.console import Console

from tests.benchmarks.bench import CASES, Bench
from tests.benchmarks.peak import Peak
from tests.benchmarks.report import make_table, write_json
from tests.benchmarks.texts import Texts
from textgen.core.threads import Team

_WIDTH = 150  # of the table, where there is no terminal


def read_options(description: str | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", metavar="SUBSTRING", help="cases whose name contains it")
    parser.add_argument("--text", type=Path, metavar="DIR", help="tinyshakespeare/train.txt and wikitext-2/train.txt")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options, progress = read_options(__doc__), Console(stderr=True)
    texts, rows = Texts(options.text), []
    with Team(options.threads) as team:
        bench = Bench(texts, options.threads, options.rounds, team, Peak(options.threads))
        for name, measure in CASES.items():
            if options.only and not any(part in name for part in options.only):
                continue
            progress.print(name, end=" ... ", highlight=False)
            row = measure(bench)
            rows.append(row)
            against = ", ".join(f"{other} {figure:,.0f}" for other, figure in row.medians)
            progress.print(f"{row.median:,.0f} {row.unit}; {against}", highlight=False, soft_wrap=True)
    paths = {level: str(path) for level, path in texts.paths.items()}
    conditions = {"threads": options.threads, "rounds": options.rounds, "text": paths, "machine": platform.processor()}
    console = Console()
    width = console.width if console.is_terminal else _WIDTH
    caption = (
        f"{options.threads} threads, medians of {options.rounds} rounds; char: {paths['char']}, word: {paths['word']}"
    )
    Console(width=width).print(make_table(rows, caption))
    if options.json:
        write_json(options.json, rows, conditions)


if __name__ == "__main__":
    main()
