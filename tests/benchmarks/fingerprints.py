"""The bytes that the program learns and writes, as hashes, to be compared before and after a change.

    python -m tests.benchmarks.fingerprints > before
    (the change)
    python -m tests.benchmarks.fingerprints > after && diff before after

For each cell, and for words in clusters: a short training, the same one interrupted half-way and gone on with, 20
samples and the scores of 100 sentences. A change that is not meant to alter learning alters none of them; another kind
of CPU, or another version of Numba, may. `--checkout DIR` takes the program from another folder. With `--no-average`
come the lines of the versions that kept no average, with `--start zero`, too, of those in which no sequence began
otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from textgen.lm.config.text import STARTS

ROOT = Path(__file__).parents[2]
STEPS = 60
_SHAPE = ["--hidden", "40", "--layers", "2", "--batch", "12", "--bptt", "20", "--lr", "0.01", "--patience", "0"]
CASES = {
    **{cell: ["--cell", cell, "--dropout", "0"] for cell in ("rnn", "gru-simple", "gru", "lstm")},
    "lstm-linear": ["--cell", "lstm-linear", "--dropout", "0", "--lr", "0.003"],
    "lstm-peephole": ["--cell", "lstm-peephole", "--head-layers", "1", "--dropout", "0.2"],
    "words": ["--level", "word", "--softmax", "adaptive", "--embedding", "24", "--tie", "--dropout", "0.3"],
    "plain": ["--embedding", "16", "--optimizer", "sgd", "--carry", "--dropout", "0.1", "--dropout-kind", "standard"],
}


def main() -> None:
    """Print a line a result: what it is, and its SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, default=ROOT, help="the folder that holds the package")
    parser.add_argument("--start", choices=STARTS, help="how sequences begin; not asked for: as the program has it")
    parser.add_argument("--no-average", action="store_true", help="the last parameters, not their average")
    asked = parser.parse_args()
    start = [] if asked.start is None else ["--start", asked.start]
    average = ["--no-average"] if asked.no_average else []
    with tempfile.TemporaryDirectory() as folder:
        for name, options in CASES.items():
            options = [*options, *average, *([] if "--carry" in options else start)]  # which has a start of its own
            for what, content in _results(Path(folder), name, options, asked.checkout.resolve()):
                print(f"{name:<14}{what:<10}{hashlib.sha256(content).hexdigest()}", flush=True)


def _results(folder: Path, name: str, options: list[str], checkout: Path) -> list[tuple[str, bytes]]:
    text = (ROOT / "corpora" / "alice.txt").read_text(encoding="utf-8")
    corpus, lines = folder / "alice.txt", folder / "lines.txt"
    corpus.write_text(text[:60_000], encoding="utf-8")
    lines.write_text("\n".join([line for line in text[80_000:].splitlines() if line.strip()][:100]), encoding="utf-8")

    def run(*arguments: object) -> bytes:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "TEXTGEN_HOME": str(folder / "home")}
        command = [sys.executable, "-m", "textgen", *map(str, arguments), "--quiet"]
        return subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE).stdout

    def train(model: Path, steps: int, *more: str) -> None:
        run("train", corpus, "--output", model, "--steps", steps, *more)

    whole, halved = folder / f"{name}.safetensors", folder / f"{name}-halved.safetensors"
    train(whole, STEPS, *_SHAPE, *options)
    train(halved, STEPS // 2, *_SHAPE, *options)
    train(halved, STEPS, "--resume")
    sampled = run("sample", "--model", whole, "-n", 20, "--seed", 7, "--max-length", 120, "--temperature", 0.9)
    scored = run("score", "--model", whole, "--file", lines, "--detail", "token")
    return [("trained", _weights(whole)), ("resumed", _weights(halved)), ("sampled", sampled), ("scored", scored)]


def _weights(path: Path) -> bytes:
    """All parameters in the order of their names; the file's own bytes hold the time."""
    tensors = load_file(path)
    return b"".join(name.encode() + np.ascontiguousarray(tensors[name]).tobytes() for name in sorted(tensors))


if __name__ == "__main__":
    main()
