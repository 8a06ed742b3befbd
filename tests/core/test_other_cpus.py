"""The core on other CPUs than this one: with AVX2, with 128 bits and no FMA, and with AVX-512 as Intel has it.

Numba is told by its own settings for which CPU to compile. What this one can execute is run; what it cannot, as AVX-512
where there is none, is compiled all the same, and its machine code read.
"""

from __future__ import annotations

import json
import pickle
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import llvmlite.binding
import numpy as np
import pytest

from tests.core.cases import largest_difference
from tests.core.processes import assert_tests_pass, run_python
from textgen.core.runtime.vector_width import VECTOR_BYTES

pytestmark = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="CPUs of the kind x86-64")

# These call others, or can leave a loop at each step, so that there is nothing to be done in vectors.
WITHOUT_VECTORS = {
    "kernels.optimizers._largest_magnitudes",
    "products.product._call_pack",
    "products.product.product_rows",
    "products.product._pack_and_multiply_rows",
    "products.product._add_weight_gradient",
}


@dataclass(frozen=True)
class Cpu:
    """A CPU by LLVM's name; `needed` are the features that make its vectors `width` bytes wide."""

    name: str
    width: int
    needed: tuple[str, ...]

    @property
    def settings(self) -> dict[str, str]:
        """What Numba is told."""
        features = ",".join(f"+{feature}" for feature in self.needed)
        return {"NUMBA_CPU_NAME": self.name, "NUMBA_CPU_FEATURES": features}

    def can_run_here(self) -> bool:
        """Whether this machine's CPU has all of them."""
        found = llvmlite.binding.get_host_cpu_features()
        return all(found.get(feature, False) for feature in self.needed)


CPUS = [
    Cpu("x86-64", 16, ("sse2",)),
    Cpu("haswell", 32, ("avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe")),
    Cpu("skylake-avx512", 64, ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma")),
]


RUN_HERE = [cpu for cpu in CPUS if cpu.can_run_here()]
each_cpu = pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
each_cpu_that_runs_here = pytest.mark.parametrize("cpu", RUN_HERE, ids=lambda cpu: cpu.name)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The folder of what `tests.core.every_kernel` tells of the kernels on this CPU."""
    folder = tmp_path_factory.mktemp("here")
    run_every_kernel({}, None, folder)
    return folder


@pytest.fixture(scope="module")
def folder_of(here, tmp_path_factory):
    """A function that gives the same for another CPU; with the compiled kernels in "kernels"."""

    @cache
    def folder_of(cpu: Cpu) -> Path:
        folder: Path = tmp_path_factory.mktemp(cpu.name)
        run_every_kernel(cpu.settings, folder / "kernels", folder, *([] if cpu.can_run_here() else [here]))
        return folder

    return folder_of


def run_every_kernel(settings: dict[str, str], kernels: Path | None, *folders: Path) -> None:
    done = run_python(settings, kernels, "-m", "tests.core.every_kernel", *map(str, folders))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kernel_is_run(here):
    """So that what is compiled for other CPUs is all there is."""
    signatures = pickle.loads((here / "signatures").read_bytes())
    assert signatures.keys() > WITHOUT_VECTORS
    assert not [name for name, each in signatures.items() if not each]


@each_cpu
def test_vectors_have_the_full_width(cpu, folder_of):
    """Also those of plain loops, which LLVM makes half as wide on Intel's CPUs unless it is told."""
    widths = json.loads((folder_of(cpu) / "widths.json").read_text())
    assert max(widths.values()) == cpu.width
    assert {name for name, width in widths.items() if width < cpu.width} <= WITHOUT_VECTORS


@each_cpu_that_runs_here
def test_every_kernel_gives_what_it_gives_here(cpu, here, folder_of):
    # Rounding differs: a multiplication and an addition are one instruction or two, and some sums go lane by lane.
    found, expected = np.load(folder_of(cpu) / "results.npz"), np.load(here / "results.npz")
    assert set(found) == set(expected)
    for name in expected:
        assert found[name].dtype == expected[name].dtype
        if found[name].dtype.kind == "i":
            np.testing.assert_array_equal(found[name], expected[name], name)
        else:
            assert largest_difference(found[name], expected[name]) < 1e-5, name


@pytest.mark.parametrize("cpu", [cpu for cpu in RUN_HERE if cpu.width != VECTOR_BYTES], ids=lambda cpu: cpu.name)
def test_products_and_activations_of_another_width(cpu, folder_of):
    """The edges of panels, and the whole range of numbers."""
    selection = ["products/test_products_stay_inside.py", "kernels/test_activations.py", "kernels/test_largest.py"]
    assert_tests_pass(cpu.settings, folder_of(cpu) / "kernels", *selection, "-k=not float64")
