"""The peak memory of a training, each side in a process of its own.

    python -m tests.benchmarks.memory textgen|PyTorch WINDOWS.npz THREADS

trains on the windows and prints the peak of the process in bytes. The processes share nothing but the windows; neither
loads what only the other one needs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.cases import REMEMBERED
from tests.benchmarks.timing import over
from textgen.text.tokens.windows import Window

STEPS = 20


def measure(sides: list[str], windows: list[Window], V: int, threads: int) -> dict[str, list[float]]:
    """The peak of each side's process in MiB, measured once: it hardly varies."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.npz"
        inputs, targets = (np.stack([getattr(w, name) for w in windows]) for name in ("inputs", "targets"))
        np.savez(path, inputs=inputs, targets=targets, V=V)
        return {side: [_peak_of(side, path, threads) / 2**20] for side in sides}


def _peak_of(side: str, path: Path, threads: int) -> int:
    command = [sys.executable, "-m", "tests.benchmarks.memory", side, str(path), str(threads)]
    root = Path(__file__).parents[2]
    return int(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)


def _peak_bytes() -> int:
    """The most memory that this process has held.

    Linux tells it for this program alone; getrusage, the way elsewhere, would there begin with the parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _train_textgen(windows: list[Window], V: int, threads: int) -> None:
    from tests.benchmarks import ours
    from textgen.core.runtime.threads import Team

    with Team(threads) as team:
        network = ours.new_network(REMEMBERED, V, training=True)
        over(windows, ours.training_step(network, team))(len(windows))


def _train_pytorch(windows: list[Window], V: int, threads: int) -> None:
    from tests.benchmarks import pytorch

    network = pytorch.TorchNetwork(REMEMBERED.config, V)
    step = pytorch.training_step(network, pytorch.adam(network))
    prepared = [pytorch.tensors(window, REMEMBERED.config, V) for window in windows]
    pytorch.in_setting(over(prepared, step), threads)(len(windows))


def main() -> None:
    """Train in this process and print its peak."""
    side, path, threads = sys.argv[1:]
    arrays = np.load(path)
    starts = np.zeros(arrays["inputs"].shape[1:], np.bool_)
    pairs = zip(arrays["inputs"], arrays["targets"], strict=True)
    windows = [Window(inputs, starts, targets) for inputs, targets in pairs]
    train = {"textgen": _train_textgen, "PyTorch": _train_pytorch}[side]
    train(windows, int(arrays["V"]), int(threads))
    print(_peak_bytes())


if __name__ == "__main__":
    main()
