"""The core with vectors narrower than this CPU's: AVX2, and 128 bits without FMA.

Numba is told by its own settings that the CPU has no more; so everything is compiled for the narrower vectors. Where
these are what the CPU has, the other tests of the core are this test.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import llvmlite.binding
import numpy as np
import pytest

from tests.core.cases import largest_difference
from tests.core.one_step import one_step
from tests.core.processes import assert_tests_pass, run_python
from textgen.core.cells import CELLS
from textgen.core.products.vectors import VECTOR_BYTES

WIDTHS = {  # bytes of a vector: what Numba is told of the CPU
    32: {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    16: {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"},
}
X86 = platform.machine() in ("x86_64", "AMD64")
FEATURES = llvmlite.binding.get_host_cpu_features() if X86 else {}
ABLE = {32: FEATURES.get("avx2", False) and FEATURES.get("fma", False), 16: FEATURES.get("sse2", False)}


@dataclass(frozen=True)
class Forced:
    """Processes whose vectors have `width` bytes, and the folder of what they compile."""

    width: int
    cache: Path


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(width, marks=pytest.mark.skipif(not ABLE[width], reason=f"no vectors of {width} bytes here"))
        for width in WIDTHS
        if width != VECTOR_BYTES
    ],
)
def forced(request, tmp_path_factory):
    """Each width that is not this process's own."""
    return Forced(request.param, tmp_path_factory.mktemp(f"kernels{request.param}"))


def test_the_width_is_the_forced_one(forced):
    # In what is compiled, too: the registers that products are added up in are of this width.
    script = (
        "import re; import numpy as np; from textgen.core.products.product import compiled_product, product\n"
        "from textgen.core.products.vectors import VECTOR_BYTES\n"
        "compiled_product(np.dtype(np.float32))\n"
        "assembly = next(iter(product.inspect_asm().values()))\n"
        "registers = re.findall(r'\\b(?:vfmadd\\d+|v?mul)ps\\b.*%([xyz])mm', assembly)\n"
        "print(VECTOR_BYTES, *sorted({{'x': 16, 'y': 32, 'z': 64}[register] for register in registers}))"
    )
    done = run_python(WIDTHS[forced.width], forced.cache, "-c", script)
    assert done.stdout.split() == [str(forced.width)] * 2, done.stdout + done.stderr


def test_products_activations_and_softmax(forced):
    selection = [
        "products/test_product.py",
        "products/test_deep_products.py::test_the_base_is_added_once",
        "products/test_deep_products.py::test_any_number_of_rows",
        "products/test_products_stay_inside.py",
        "kernels/test_activations.py",
        "kernels/test_largest.py",
        "kernels/test_softmax.py",
    ]
    assert_tests_pass(WIDTHS[forced.width], forced.cache, *selection)


def test_a_training_step_of_every_cell(forced, tmp_path):
    done = run_python(WIDTHS[forced.width], forced.cache, "-m", "tests.core.one_step", str(tmp_path / "steps.npz"))
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "steps.npz")
    expected = {f"{cell}: {name}": array for cell in CELLS for name, array in one_step(cell, np.float64).items()}
    assert set(found) == set(expected)
    for name, exact in expected.items():
        assert found[name].dtype == (np.float64 if "losses" in name else np.float32)
        assert largest_difference(found[name], exact) < 1e-5, name
