"""Kill a training at random moments, go on each time, and compare its end with that of one that was left alone.

    python -m tests.benchmarks.kills

Each time a process `textgen train ... --resume` is started and gets SIGKILL: mostly some random seconds later, at times
at the very moment when it begins to write a file. In the end the training goes on to its end, and the parameters and
the history of the model must be those of the uninterrupted training, byte for byte but for times.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.lm.tasks import timeless
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import checkpoint_path

ROOT = Path(__file__).parents[2]
OPTIONS = ["--hidden", "48", "--layers", "2", "--dropout", "0.2", "--batch", "16", "--bptt", "32", "--patience", "0"]
_START = 3.0  # seconds; it takes somewhat less until the first step


def main() -> int:
    """Run the kills; 0 if the ends are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--steps", type=int, default=25_000, help="of the training")
    parser.add_argument("--characters", type=int, default=300_000, help="of shakespeare.txt, to be learnt from")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "text.txt"
        corpus.write_text((ROOT / "corpora" / "shakespeare.txt").read_text(encoding="utf-8")[: asked.characters])
        train = [sys.executable, "-m", "textgen", "train", str(corpus), "--quiet"]
        whole, killed = folder / "whole.safetensors", folder / "killed.safetensors"
        begin = [*OPTIONS, "--steps", str(asked.steps), "--checkpoint-minutes", "0.02"]
        started = time.monotonic()
        subprocess.run([*train, *begin, "--output", str(whole)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        alone = time.monotonic() - started
        print(f"uninterrupted: {asked.steps:,} steps in {alone:.1f} s", flush=True)
        rng, longest = random.Random(asked.seed), _START + 1.2 * alone / asked.kills  # about half of it will be done
        moments = [(rng.uniform(0, longest), rng.random() < 0.3) for _ in range(asked.kills)]
        _kill_again_and_again(train, begin, killed, moments)
        _finish(train, begin, killed)
        return _compare(whole, killed)


def _kill_again_and_again(train: list[str], begin: list[str], model: Path, moments: list[tuple[float, bool]]) -> None:
    """moments : seconds after the start, and whether a file shall be written just then."""
    for number, (seconds, at_write) in enumerate(moments, 1):
        process = subprocess.Popen(_command(train, begin, model), cwd=ROOT, stdout=subprocess.DEVNULL)
        moment = _wait(process, model.parent, seconds, at_write)
        if process.poll() is not None:
            raise SystemExit(f"the training was at its end before kill {number}: give more --steps")
        process.kill()
        process.wait()
        path = checkpoint_path(model)
        step = read_checkpoint(path).state.step if path.exists() else None
        left = len(list(model.parent.glob("*.tmp")))
        place = "no checkpoint yet" if step is None else f"checkpoint at step {step:,}"
        print(f"kill {number:>3}: {moment}; {place}" + (f"; {left} unfinished file" if left else ""), flush=True)


def _command(train: list[str], begin: list[str], model: Path) -> list[str]:
    is_begun = checkpoint_path(model).exists()
    return [*train, "--output", str(model), *(["--resume", "--checkpoint-minutes", "0.02"] if is_begun else begin)]


def _wait(process: subprocess.Popen[bytes], folder: Path, seconds: float, at_write: bool) -> str:
    """Wait for the moment of the kill: after so many seconds, or, after them, when a file is being written."""
    started = time.monotonic()
    while time.monotonic() - started < seconds and process.poll() is None:
        time.sleep(0.001)
    if at_write:
        before = set(folder.glob("*.tmp"))
        while process.poll() is None and set(folder.glob("*.tmp")) <= before:
            pass
    lived = time.monotonic() - started
    return f"after {lived:4.1f} s" + (", at a write" if at_write else "")


def _finish(train: list[str], begin: list[str], model: Path) -> None:
    started = time.monotonic()
    subprocess.run(_command(train, begin, model), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    print(f"gone on to the end in {time.monotonic() - started:.1f} s", flush=True)


def _compare(one: Path, other: Path) -> int:
    """Print whether two models are the same; 0 if they are."""
    first, second = load_model(one), load_model(other)
    vectors = [model.network.parameters.vector.tobytes() for model in (first, second)]
    same = {"parameters": vectors[0] == vectors[1], "history": timeless(first.history) == timeless(second.history)}
    found, best = first.history.validations, first.history.best
    assert best is not None
    print(f"{len(vectors[0]):,} bytes of parameters, {len(found)} validations, best {best.valid_loss:.6f}")
    print("; ".join(f"{what}: {'the same' if is_same else 'DIFFERENT'}" for what, is_same in same.items()))
    return 0 if all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
