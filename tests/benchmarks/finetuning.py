"""What it is worth to begin with a model: small texts, with `--from` and from nothing, in the same time.

    python -m tests.benchmarks.finetuning --from MODEL [--only SUBSTRING]

Each text is trained on from the model, with no other option; then from nothing, with `--time` as long as that took.
The figures are bits per character of the text's own held-out part. MODEL is a name or a file, as `train` takes it.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.quality import run
from tests.benchmarks.report import print_table
from tests.benchmarks.texts import CORPORA
from textgen.lm.storage.model_file import read_summary
from textgen.lm.storage.store import find_model

_LENGTHS = {"alice.txt": (None, 100_000, 20_000, 5_000), "pride.txt": (None,)}  # bytes; None: all


@dataclass(frozen=True)
class Found:
    """A training's best held-out figure, in bits per character, and its seconds."""

    bits: float
    seconds: float


def texts(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each text by its name; all lie in `folder`."""
    for name, lengths in _LENGTHS.items():
        content = (CORPORA / name).read_bytes()
        for length in lengths:
            title = name if length is None else f"{name}, {length // 1000} kB"
            path = folder / f"{title}.txt"
            path.write_bytes(content[:length].decode(errors="ignore").encode())
            yield title, path


def train(path: Path, home: Path, *options: str) -> Found:
    """The outcome of a training; one that learnt nothing has no end of bits."""
    [*_, end] = [record for record in run("train", str(path), *options, "--force", home=home) if "reason" in record]
    best = end["best"]
    bits = best["bits_per_character"] if isinstance(best, dict) else math.inf
    return Found(float(bits), float(str(end["seconds"])))


def compare(path: Path, base: Path, options: argparse.Namespace, home: Path) -> tuple[Found, Found]:
    """With the model, and from nothing in the same time."""
    threads = ("--threads", str(options.threads))
    tuned = train(path, home, "--from", str(base), "--name", "tuned", *threads)
    level = read_summary(base).level
    seconds = str(max(1.0, tuned.seconds))
    return tuned, train(path, home, "--level", level, "--time", seconds, "--name", "nothing", *threads)


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--from", dest="base", required=True, metavar="MODEL", help="the model to begin with")
    options, progress = parser.parse_args(), Console(stderr=True)
    base, _ = find_model(options.base, None, read_summary, progress.print)
    table = Table("text", "from nothing", f"from {options.base}", "fewer bits", "seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in texts(Path(folder)):
            if is_chosen(name, options.only):
                tuned, nothing = compare(path, base.absolute(), options, Path(folder))
                fewer = 1 - tuned.bits / nothing.bits
                cells = f"{nothing.bits:.3f}", f"{tuned.bits:.3f}", f"{100 * fewer:.1f} %", f"{tuned.seconds:.0f}"
                table.add_row(name, *cells)
                progress.print(f"{name}: {', '.join(cells)}", highlight=False)
    print_table(table)


if __name__ == "__main__":
    main()
