"""What is measured is the same work: the peers compute what textgen computes, at sizes that take no time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks import onnx_runtime, ours, pytorch_forward
from tests.benchmarks.cases import Shape
from tests.benchmarks.texts import Texts
from tests.core.processes import run_python
from textgen.core.runtime.threads import Team

TEXTS = Texts(None)
SHAPE = Shape("lstm", "char", H=21, L=2, B=3, T=8)


@pytest.mark.parametrize("peer", [pytorch_forward, onnx_runtime])
@pytest.mark.parametrize("way", ["log_probabilities", "stepped_log_probabilities"])
def test_log_probabilities(peer, way):
    model = ours.endless_model(SHAPE, TEXTS.corpus("char").vocabulary)
    [window] = TEXTS.windows("char", SHAPE.B, SHAPE.T, count=1)
    with Team(1) as team:
        expected = ours.log_probabilities(model.network, window, team)
    found = getattr(peer, way)(model.network, window)
    if not found:
        pytest.skip("the peer is not installed")
    for theirs in found.values():
        assert np.abs(theirs - expected).max() < 1e-5


@pytest.mark.parametrize(("cell", "level"), [("lstm", "char"), ("lstm", "word"), ("gru", "char")])
def test_losses_of_some_steps(cell, level):
    torch = pytest.importorskip("torch")
    from tests.benchmarks.agreement import train_both

    shape = Shape(cell, level, H=21, L=2, B=3, T=8)
    torch.set_default_dtype(torch.float64)
    try:
        with Team(1) as team:
            mine, theirs = train_both(shape, TEXTS, team, steps=5, dtype=np.float64)
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.abs(mine - theirs).max() < 1e-8
    assert mine[-1] != mine[0]


def test_multiply_adds_by_hand():
    V = 60
    assert SHAPE.multiply_adds(V) == 21 * 84 + 2 * 21 * 84 + 21 * V
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
