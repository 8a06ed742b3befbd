"""What is chosen where nothing is asked for: for each text that comes along, and for texts of other lengths.

    python -m tests.benchmarks.defaults [--train] [--only SUBSTRING]

--train trains each of them as well, which takes its time. The texts of other lengths are the first part of those that
come along, one after the other, again and again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.quality import Case, measure
from tests.benchmarks.report import print_table
from tests.benchmarks.texts import CORPORA
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import TrainingPlan, plan
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.corpus import read_corpus

_LENGTHS = {"1 kB": 1_000, "100 kB": 100_000, "10 MB": 10_000_000}
_LINES = 20
_COLUMNS = ("text", "level", "size", "network", "softmax", "length", "windows", "learning rate", "dropout", "reason")


def texts(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each text by its name; those that are made lie in `folder`."""
    shipped = sorted(CORPORA.glob("*.txt"))
    for path in shipped:
        yield path.name, path
    content = b"\n".join(path.read_bytes() for path in shipped)
    lines = b"".join(content.splitlines(keepends=True)[:_LINES])
    parts = {f"{_LINES} lines": lines}
    for name, length in _LENGTHS.items():
        parts[name] = (content * -(-length // len(content)))[:length].decode(errors="ignore").encode()
    for name, part in parts.items():
        path = folder / f"{name}.txt"
        path.write_bytes(part)
        yield name, path


def describe(chosen: TrainingPlan) -> list[str]:
    """What the columns say of a plan, from its size on."""
    network, training = chosen.network, chosen.training
    embedding = f", {'tied ' if network.tie else ''}embedding {network.embedding}" if network.embedding else ""
    return [
        str(training.size),
        f"{network.layers} x {network.hidden}{embedding}",
        network.softmax,
        f"{chosen.epochs} epochs of {chosen.steps_per_epoch:,} steps",
        f"{chosen.batch} x {chosen.bptt}",
        f"{training.lr:g}",
        f"{training.dropout:g}",
        chosen.reason,
    ]


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--train", action="store_true", help="train each, and show what came of it")
    options, progress = parser.parse_args(), Console(stderr=True)
    table = Table(show_lines=True)
    for title in _COLUMNS + (("bits/char", "training") if options.train else ()):
        table.add_column(title)
    with tempfile.TemporaryDirectory() as folder:
        for name, path in texts(Path(folder)):
            for level in ("char", "word"):
                if not is_chosen(f"{name} {level}", options.only):
                    continue
                corpus = read_corpus([path], TextConfig(tokenizer=level), lambda note: None)
                cells = describe(plan(corpus, NetworkConfig(), TrainingConfig()))
                if options.train:
                    case = Case(str(path), None, f"--level {level}", "bits_per_character", None)
                    outcome = measure(case, Path, Path(folder), options.threads)
                    cells += [f"{outcome.figure:.3f}", f"{outcome.training_seconds:.0f} s"]
                table.add_row(name, level, *cells)
                progress.print(f"{name} {level}: {', '.join(cells)}", highlight=False)
    print_table(table)


if __name__ == "__main__":
    main()
