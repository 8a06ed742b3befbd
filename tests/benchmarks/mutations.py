"""Ten thousand damaged model files and checkpoints, and what comes of each.

    python -m tests.benchmarks.mutations

Each is a sound file of an earlier version with something changed by chance, see `tests/cli/mutations.py`. The commands'
work is done with it: it must be used, or refused by a TextgenError; anything else is printed, and ends this with 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from tests.cli.mutations import SOUND, mutated, use
from textgen.errors import TextgenError


def main() -> int:
    """Print how many were used and refused, and the longest time that one took; 0 if that is all that happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first one's seed; the others follow")
    asked = parser.parse_args()
    warnings.simplefilter("error")
    for path in SOUND:
        use(path)  # compiles the kernels
    counts, longest = Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.first, asked.first + asked.mutations):
            began = time.monotonic()
            counts[_outcome(seed, Path(folder))] += 1
            longest = max(longest, time.monotonic() - began)
    print("; ".join(f"{what}: {count:,}" for what, count in sorted(counts.items())) + f"; longest: {longest:.2f} s")
    return 1 if counts["FAILED"] else 0


def _outcome(seed: int, folder: Path) -> str:
    sound = SOUND[seed % len(SOUND)]
    path = folder / f"mutated{sound.suffix}"
    path.write_bytes(mutated(sound.read_bytes(), random.Random(seed)))
    try:
        use(path)
    except TextgenError:
        return "refused"
    except Exception:
        print(f"seed {seed}, {sound.name}:\n{traceback.format_exc()}", flush=True)
        return "FAILED"
    return "used"


if __name__ == "__main__":
    sys.exit(main())
