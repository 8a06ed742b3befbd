"""What it is worth to begin with a model: small texts, with `--from` and from nothing, in the same time.

    python -m tests.benchmarks.finetuning --from MODEL [--only SUBSTRING]

Each text is trained on from the model, with no other option; then from nothing, with `--time` as long as that took. Its
last tenth, to the nearest line, is held out; the figures are bits per character there. MODEL is a name or a file, as
`train` takes it.

The two have different vocabularies, and a small one makes unknown words cheap: all are one token, `<unk>`. So both are
measured over the union of their vocabularies: what a model gives to `<unk>` it gives in equal parts to each token that
it lacks, and to all that both lack.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.quality import run
from tests.benchmarks.report import print_table
from tests.benchmarks.texts import CORPORA
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.store import find_model
from textgen.text.tokens.tokenizers import normalize

_LENGTHS = {"alice.txt": (None, 100_000, 20_000, 5_000), "pride.txt": (None,)}  # bytes; None: all
_HELD_OUT = 0.1


@dataclass(frozen=True)
class Task:
    """A text: what is to be learnt, and what is held out."""

    train: Path
    valid: Path


@dataclass(frozen=True)
class Found:
    """A training's best held-out figure, in bits per character, and its seconds."""

    bits: float
    seconds: float


def tasks(folder: Path) -> Iterator[tuple[str, Task]]:
    """Each text by its name; all lie in `folder`."""
    for name, lengths in _LENGTHS.items():
        content = (CORPORA / name).read_bytes()
        for length in lengths:
            title = name if length is None else f"{name}, {length // 1000} kB"
            text = content[:length].decode(errors="ignore")
            at = text.rindex("\n", 0, round((1 - _HELD_OUT) * len(text))) + 1
            task = Task(folder / f"{title}.txt", folder / f"{title}, held out.txt")
            task.train.write_text(text[:at], encoding="utf-8", newline="")
            task.valid.write_text(text[at:], encoding="utf-8", newline="")
            yield title, task


def train(task: Task, path: Path, home: Path, *options: str) -> Found:
    """The outcome of a training, whose model is written to `path`; one that learnt nothing has no end of bits."""
    asked = "train", str(task.train), "--valid", str(task.valid), "--output", str(path), "--force", *options
    [*_, end] = [record for record in run(*asked, home=home) if "reason" in record]
    best = end["best"]
    bits = best["bits_per_character"] if isinstance(best, dict) else math.inf
    return Found(float(bits), float(str(end["seconds"])))


def over_both(found: Found, path: Path, other: Path, valid: Path) -> Found:
    """`found` over the vocabulary of the model at `path` and that of the `other` one."""
    model, text = load_model(path), valid.read_text(encoding="utf-8")
    known, lacking = (set(one.vocabulary.tokens) for one in (model, load_model(other)))
    tokens = model.tokenizer.tokenize(normalize(text, model.text.lowercase))
    unknown = sum(token not in known and not token.isspace() for token in tokens)  # a line's end is no token
    return replace(found, bits=found.bits + unknown * math.log2(1 + len(lacking - known)) / len(text))


def compare(task: Task, base: Path, options: argparse.Namespace, home: Path) -> tuple[Found, Found]:
    """With the model, and from nothing in the same time."""
    threads, one, other = ("--threads", str(options.threads)), home / "tuned.safetensors", home / "nothing.safetensors"
    tuned = train(task, one, home, "--from", str(base), *threads)
    level, seconds = read_summary(base).level, str(max(1.0, tuned.seconds))
    nothing = train(task, other, home, "--level", level, "--time", seconds, *threads)
    if math.inf in (tuned.bits, nothing.bits):
        return tuned, nothing
    return over_both(tuned, one, other, task.valid), over_both(nothing, other, one, task.valid)


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--from", dest="base", required=True, metavar="MODEL", help="the model to begin with")
    options, progress = parser.parse_args(), Console(stderr=True)
    base, _ = find_model(options.base, None, read_summary, progress.print)
    table = Table("text", "from nothing", f"from {options.base}", "fewer bits", "seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name, task in tasks(Path(folder)):
            if is_chosen(name, options.only):
                tuned, nothing = compare(task, base.absolute(), options, Path(folder))
                fewer = 1 - tuned.bits / nothing.bits
                cells = f"{nothing.bits:.3f}", f"{tuned.bits:.3f}", f"{100 * fewer:.1f} %", f"{tuned.seconds:.0f}"
                table.add_row(name, *cells)
                progress.print(f"{name}: {', '.join(cells)}", highlight=False)
    print_table(table)


if __name__ == "__main__":
    main()
