"""What textgen does in a second, beside PyTorch and ONNX Runtime, on the same text in the same run.

    python -m tests.benchmarks [--threads 2] [--rounds 5] [--only SUBSTRING] [--text DIR] [--json FILE]

All figures are medians over rounds taken A B A B; of each peer's settings the fastest in a short trial is measured.
What is not installed is left out. A training step is forward, backward, clipping by global norm and Adam, the state
carried from window to window; its GFLOP/s count the products alone, 3 x 2 x multiply-adds. Run it on a machine that
does nothing else: threads that wait for each other lose most where a core is taken, and PyTorch's lose more than ours.
Where the peaks of a case lie far apart, something else ran.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from llvmlite.binding import get_host_cpu_name
from rich.console import Console

from tests.benchmarks.bench import CASES, Bench
from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.peak import Peak
from tests.benchmarks.report import Row, make_table, print_table, write_json
from tests.benchmarks.texts import Texts
from textgen.core.runtime.threads import Team


def describe_conditions(threads: int, rounds: int, texts: Texts) -> dict[str, str | int]:
    """What else the figures depend on."""
    found = {name: version(name) for name in ("numba", "torch", "onnxruntime") if find_spec(name)}
    paths = {level: str(path) for level, path in texts.paths.items()}
    return {"threads": threads, "rounds": rounds, **paths, "CPU": get_host_cpu_name(), **found}


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures")
    options, progress = parser.parse_args(), Console(stderr=True)
    texts = Texts(options.text)
    rows: dict[str, Row] = {}
    with Team(options.threads) as team:
        bench = Bench(texts, options.threads, options.rounds, team, Peak(options.threads))
        for name, measure in CASES.items():
            if not is_chosen(name, options.only):
                continue
            progress.print(name, end=" ... ", highlight=False)
            row = rows[name] = measure(bench)
            against = ", ".join(f"{other} {figure:,.0f}" for other, figure in row.medians)
            peaks = f"; FMA peaks {min(row.peaks):.0f} to {max(row.peaks):.0f} GFLOP/s" if row.peaks else ""
            progress.print(f"{row.median:,.0f} {row.unit}; {against}{peaks}", highlight=False, soft_wrap=True)
    conditions = describe_conditions(options.threads, options.rounds, texts)
    caption = ", ".join(f"{name}: {value}" for name, value in conditions.items())
    print_table(make_table(rows, caption))
    if options.json:
        write_json(options.json, rows, conditions)


if __name__ == "__main__":
    main()
