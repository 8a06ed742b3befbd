"""No kernel reads or writes outside its arrays: the core's tests once more, with Numba checking each index.

What is loaded and stored as explicit vectors Numba does not check; see products/test_products_stay_inside.py.
"""

from __future__ import annotations

import pytest

from tests.core.processes import assert_tests_pass, run_python

CHECKED = {"NUMBA_BOUNDSCHECK": "1"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the kernels with checks are kept."""
    return tmp_path_factory.mktemp("kernels")


@pytest.mark.parametrize("decorator", ["kernel", "inlined", "inlined_reduction", "reduction_kernel"])
def test_the_check_is_on_in_every_kind_of_kernel(cache, tmp_path, decorator):
    script = tmp_path / "wrong.py"
    script.write_text(
        "import numpy as np\n"
        "from textgen.core.runtime import jit\n"
        f"@jit.{decorator}\n"
        "def beyond(x):\n"
        "    return x[x.size]\n"
        "@jit.kernel\n"
        "def call(x):\n"
        "    return beyond(x)\n"
        "call(np.ones(3))\n"
    )
    assert_index_error(run_python(CHECKED, cache, str(script)))


def test_the_check_is_on_in_the_core(cache):
    script = (
        "import numpy as np; from textgen.core.kernels.elementwise import tanh_rows;"
        "tanh_rows(np.ones((2, 4, 3)), 0, 5)"  # of four rows
    )
    assert_index_error(run_python(CHECKED, cache, "-c", script))


def assert_index_error(done):
    """The process ended by an index that a check found out of bounds."""
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "IndexError: index is out of bounds"


def test_the_core_stays_within_its_arrays(cache):
    # In float64 where a test takes both types, and not all tests of a file: compiling anew takes nearly all the time.
    products = ("test_weight_gradient_column_by_column", "test_weight_packs_both_ways_and_again")
    selection = [f"products/test_product.py::{name}" for name in products]
    kernels = ("softmax", "largest", "draw", "elementwise", "lookup", "optimizers", "dropout")
    selection += [f"kernels/test_{name}.py" for name in kernels]
    clusters = (
        "the_probabilities_of_all_ids",
        "gradients_are_those_of_the_losses",
        "windows_with_tokens_of_some_clusters_alone",
    )
    selection += [f"../nn/test_adaptive_softmax.py::test_{name}" for name in clusters]
    selection += ["cells/test_gradients.py"]
    assert_tests_pass(CHECKED, cache, *selection, "-k=not float32")
