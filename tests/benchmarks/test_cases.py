"""What is measured is what is said: the multiply-adds of a case, and the memory of one side alone."""

from __future__ import annotations

import pytest

from tests.benchmarks.cases import Shape
from tests.core.processes import run_python


def test_multiply_adds_by_hand():
    V, lstm = 60, Shape("lstm", "char", H=21, L=2, B=3, T=8)
    assert lstm.multiply_adds(V) == 21 * 84 + 2 * 21 * 84 + 21 * V
    gru = Shape("gru", "word", H=10, L=1, B=1, T=1)
    assert gru.multiply_adds(V) == 10 * 30 + 10 * 20 + 10 * 10 + 10 * V
    peephole = Shape("lstm-peephole", "char", H=10, L=1, B=1, T=1)
    assert peephole.multiply_adds(V) == 10 * 40 + 10 * V


@pytest.mark.parametrize(("side", "other"), [("pytorch", "numba"), ("ours", "torch")])
def test_a_side_does_not_load_what_only_the_other_needs(tmp_path, side, other):
    # Its memory would count.
    script = (
        "import sys; from tests.benchmarks import memory, SIDE; memory.REMEMBERED.config;"
        "print([name for name in sys.modules if name.split('.')[0] == 'OTHER'])"
    )
    done = run_python({}, tmp_path, "-c", script.replace("SIDE", side).replace("OTHER", other))
    assert done.stdout == "[]\n", done.stdout + done.stderr
