"""The softmax in clusters: against the definition, in any windows and by any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import assert_same_bytes
from tests.nn.adaptive_output import CUTOFFS, Output, V, random_targets

TOLERANCES = {np.float32: 2e-6, np.float64: 1e-14}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_the_probabilities_of_all_ids(cutoffs, transposed, dtype):
    T, B = 3, 4
    output = Output(cutoffs, dtype, transposed)
    expected = output.expected(cutoffs, output.see(T, B))
    found = np.stack([-output.forward(np.full((T, B), idx)) for idx in range(V)], axis=-1)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCES[dtype], atol=2 * TOLERANCES[dtype])
    np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1, rtol=TOLERANCES[dtype])
    for idx in (0, 1, 6, V - 1):
        in_training = output.forward(np.full((T, B), idx), training=True)
        np.testing.assert_allclose(in_training, -expected[:, :, idx], rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_gradients_are_those_of_the_losses(cutoffs, transposed):
    """Of every entry, in float64, against differences of fourth order of the longhand losses."""
    T, B, width = 4, 3, 5e-4
    output, targets = Output(cutoffs, np.float64, transposed), random_targets(T, B)
    x, known = output.see(T, B), targets >= 0
    _, *found = output.train(targets)

    def loss() -> float:
        logs = np.take_along_axis(output.expected(cutoffs, x), np.maximum(targets, 0)[..., None], -1)[..., 0]
        return -0.5 * float(logs[known].sum())

    for gradient, place in zip(found, (x, output.weight, output.bias), strict=True):
        rng = np.random.default_rng(0)
        for _ in range(4):  # each random direction moves all entries
            direction, value, losses = rng.normal(size=place.shape) / np.sqrt(place.size), place.copy(), []
            for offset in (-2, -1, 1, 2):
                place[...] = value + offset * width * direction
                losses.append(loss())
            place[...] = value
            slope = (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / (12 * width)
            assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_the_same_bytes_for_any_number_of_threads(cutoffs, transposed):
    output = Output(cutoffs, np.float32, transposed)
    output.see(11, 13)
    alone = output.train(random_targets(11, 13))
    for threads in (2, 3, 13):
        assert_same_bytes(output.train(random_targets(11, 13), threads=threads), alone)


@pytest.mark.parametrize("training", [False, True])
def test_a_row_does_not_depend_on_the_others(training):
    output, targets, rows = Output((5, 20), np.float32), random_targets(7, 9), [2, 3, 8]
    x = output.see(7, 9)
    losses = output.forward(targets, training)
    output.below.output = np.ascontiguousarray(x[:, rows])
    assert_same_bytes([output.forward(np.ascontiguousarray(targets[:, rows]), training)], [losses[:, rows]])


SOME = {
    "none": [[-1, -1], [-1, -1]],
    "the short list": [[0, 4], [1, 3]],
    "one cluster": [[19, 5], [6, 7]],
    "the last cluster": [[20, V - 1], [V - 1, 30]],
    "clusters, one row": [[7, -1], [42, -1]],
}


@pytest.mark.parametrize("targets", SOME.values(), ids=SOME)
def test_windows_with_tokens_of_some_clusters_alone(targets):
    """After a window of all of them: nothing is left of that one."""
    cutoffs = (5, 20)
    output, ids = Output(cutoffs, np.float64), np.array(targets, np.int32)
    output.see(8, 6)
    output.train(random_targets(8, 6))
    x = output.see(2, 2, seed=4)
    losses, dx, dweight, dbias = output.train(ids)
    expected = output.expected(cutoffs, x)
    columns = {(0, 5): range(7), (5, 20): range(7, 22), (20, V): range(22, 45)}
    for (first, last), some in columns.items():
        is_used = bool(((ids >= first) & (ids < last)).any()) or (first == 0 and bool((ids >= 0).any()))
        assert dweight[:, some].any() == dbias[some].any() == is_used
    for t, b in np.ndindex(2, 2):
        if ids[t, b] < 0:
            assert losses[t, b] == 0
            assert not dx[t, b].any()
        else:
            assert losses[t, b] == pytest.approx(-expected[t, b, ids[t, b]], rel=1e-14)
            assert dx[t, b].all()


def test_windows_of_changing_sizes_are_what_each_is_alone():
    """Buffers grow with the tokens of a cluster, and are used again where there are fewer."""

    def gradients(output: Output, size: tuple[int, int]) -> list[np.ndarray]:
        output.see(*size)
        return output.train(random_targets(*size))

    output = Output((5, 20), np.float32)
    for size in ((1, 1), (30, 8), (2, 3), (40, 8), (1, 2)):
        assert_same_bytes(gradients(output, size), gradients(Output((5, 20), np.float32), size))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("column", [0, 1, 4, 10, 44])
def test_a_weight_that_is_not_finite_shows(column, bad):
    output = Output((5, 20), np.float32)
    output.see(6, 4)
    output.weight[3, column] = bad
    assert not np.isfinite(output.train(random_targets(6, 4))[0]).all()
