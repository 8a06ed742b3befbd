"""What is measured is the same work: the peers compute what textgen computes, at sizes that take no time."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from tests.benchmarks import onnx_runtime, ours, pytorch_forward  # noqa: E402
from tests.benchmarks.agreement import train_both  # noqa: E402
from tests.benchmarks.cases import Shape  # noqa: E402
from tests.benchmarks.texts import Texts  # noqa: E402
from textgen.core.runtime.threads import Team  # noqa: E402

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
    assert found
    for theirs in found.values():
        assert np.abs(theirs - expected).max() < 1e-5


@pytest.mark.parametrize(("cell", "level"), [("lstm", "char"), ("lstm", "word"), ("gru", "char")])
def test_losses_of_some_steps(cell, level):
    shape = Shape(cell, level, H=21, L=2, B=3, T=8)
    torch.set_default_dtype(torch.float64)
    try:
        with Team(1) as team:
            mine, theirs = train_both(shape, TEXTS, team, steps=5, dtype=np.float64)
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.abs(mine - theirs).max() < 1e-8
    assert mine[-1] != mine[0]
