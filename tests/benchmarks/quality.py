"""How well textgen learns in a given time: whole trainings by the command line, measured on texts held out.

    python -m tests.benchmarks.quality --text DIR [--only SUBSTRING]

Each training is the command that is printed, run as a user would run it, with what it compiles already compiled by a
training of three steps. Then the model is measured by `textgen evaluate` on a text that it has not seen. Run it on a
machine that does nothing else: the time is the budget.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.report import print_table
from tests.benchmarks.texts import CORPORA


@dataclass(frozen=True)
class Case:
    """A training. corpus : below the folder of texts, or a text of the project's own.

    held_out : the text to validate on and to measure; None: the corpus' own last part, as the training measures it.
    figure : what is compared, and its name. asked : at most so much; None: as little as can be.
    """

    corpus: str
    held_out: str | None
    options: str
    figure: str
    asked: float | None
    measured: str | None = None  # the text that is measured in the end, if it is not the one to validate on


_SHAKESPEARE = "tinyshakespeare/train.txt", "tinyshakespeare/val.txt"
_WIKITEXT = "wikitext-2/train.txt", "wikitext-2/valid.txt"
_NATS, _BITS, _PERPLEXITY = "nats_per_token", "bits_per_character", "perplexity"

CASES = {
    "tiny Shakespeare, 3 minutes": Case(*_SHAKESPEARE, "--unit file --time 3m", _NATS, 1.48),
    "tiny Shakespeare, 15 minutes": Case(*_SHAKESPEARE, "--unit file --time 15m", _NATS, 1.44),
    "WikiText-2, 20 minutes": Case(
        *_WIKITEXT,
        "--level word --tokenizer whitespace --carry --min-count 1 --max-vocab 0 --time 20m",
        _PERPLEXITY,
        130,
        "wikitext-2/test.txt",
    ),
    "shakespeare.txt, defaults": Case("shakespeare.txt", None, "", _BITS, None),
    "pride.txt, defaults, char": Case("pride.txt", None, "--level char", _BITS, None),
    "pride.txt, defaults, word": Case("pride.txt", None, "--level word", _BITS, None),
}


@dataclass(frozen=True)
class Outcome:
    """What a training came to. seconds : of the whole command, which the budget is not."""

    command: str
    figure: float
    tokens: int
    training_seconds: float
    seconds: float


def run(*arguments: str, home: Path) -> list[dict[str, object]]:
    """The records that a `textgen` command prints."""
    command = [sys.executable, "-m", "textgen", *arguments, "--json", "--quiet"]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, encoding="utf-8", env=os.environ | {"TEXTGEN_HOME": str(home)}
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(case: Case, place: Callable[[str], Path], home: Path, threads: int) -> Outcome:
    """Train as `case` says, and measure. place : where a text lies."""
    model = home / "quality.safetensors"
    held_out = ["--valid", str(place(case.held_out))] if case.held_out else []
    command = ["train", str(place(case.corpus)), *held_out, *shlex.split(case.options), "--threads", str(threads)]
    writing = ["--output", str(model), "--force"]
    run(*_without_length(command), "--steps", "3", *writing, home=home)
    began = time.monotonic()
    records = run(*command, *writing, home=home)
    seconds = time.monotonic() - began
    [result] = [record for record in records if record.get("event") == "result"]
    figures = result["best"]
    measured = case.measured or case.held_out
    if measured:
        [figures] = run("evaluate", "--model", str(model), str(place(measured)), home=home)
    assert isinstance(figures, dict)
    tokens, training_seconds = result["tokens"], result["seconds"]
    assert isinstance(tokens, int)
    assert isinstance(training_seconds, float)
    shown = shlex.join(["textgen", *command])
    return Outcome(shown, float(figures[case.figure]), tokens, training_seconds, seconds)


def _without_length(command: list[str]) -> list[str]:
    """`command` without --time and its value."""
    if "--time" not in command:
        return command
    at = command.index("--time")
    return command[:at] + command[at + 2 :]


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    options, progress = parser.parse_args(), Console(stderr=True)

    def place(name: str) -> Path:
        return options.text / name if "/" in name else CORPORA / name

    table = Table(caption="each figure on text held out", show_lines=True)
    for title in ("case", "command", "figure", "measured", "asked", "tokens", "training", "command took"):
        table.add_column(title)
    for name, case in CASES.items():
        if not is_chosen(name, options.only) or ("/" in case.corpus and options.text is None):
            continue
        with tempfile.TemporaryDirectory() as folder:
            outcome = measure(case, place, Path(folder), options.threads)
        asked = "" if case.asked is None else f"{case.asked:g}"
        times = f"{outcome.training_seconds:.0f} s", f"{outcome.seconds:.0f} s"
        figure = f"{outcome.figure:.4f}"
        table.add_row(name, outcome.command, case.figure, figure, asked, f"{outcome.tokens:,}", *times)
        progress.print(f"{name}: {figure} {case.figure} in {times[0]}", highlight=False)
    print_table(table)


if __name__ == "__main__":
    main()
