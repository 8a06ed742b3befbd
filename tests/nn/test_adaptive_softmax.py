"""The softmax in clusters: against the definition, against PyTorch, in any windows and by any number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.core.cases import assert_same_bytes, largest_difference
from tests.core.clustered import log_probabilities
from textgen.core.products.weight import Weight
from textgen.core.runtime.threads import Team, share
from textgen.nn.adaptive_softmax import AdaptiveSoftmax
from textgen.nn.connections import Product
from textgen.nn.layer import Layer, Parameter

V, H = 43, 21
CUTOFFS = [(2,), (7,), (42,), (5, 20), (2, 3, 40), (9, 10, 11, 12)]
TOLERANCES = {np.float32: 2e-6, np.float64: 1e-14}


@dataclass(frozen=True)
class Targets:
    """A window of which only the targets count."""

    targets: np.ndarray
    inputs: np.ndarray
    starts: np.ndarray


def window_of(targets: np.ndarray | list[list[int]]) -> Targets:
    """The window of these targets (T, B)."""
    ids = np.array(targets, np.int32)
    return Targets(ids, ids, np.zeros(ids.shape, np.bool_))


def random_targets(T: int, B: int, seed: int = 0) -> np.ndarray:
    """Targets of all clusters, some negative."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, V, (T, B)).astype(np.int32)
    targets[rng.random((T, B)) < 0.1] = -1
    return targets


class Output:
    """An output layer over a layer of random vectors.

    parameters : random, the matrix in the orientation (H, columns), or transposed.
    """

    def __init__(self, cutoffs: Sequence[int], dtype: type[np.floating], transposed: bool = False) -> None:
        rng, columns = np.random.default_rng(len(cutoffs)), len(cutoffs) + V
        shape = (columns, H) if transposed else (H, columns)
        self.matrix = (rng.normal(size=shape) / np.sqrt(H)).astype(dtype)
        self.bias = rng.normal(size=columns).astype(dtype)
        self.dmatrix, self.dbias = np.zeros_like(self.matrix), np.zeros_like(self.bias)
        self.below = Layer(H, np.dtype(dtype))
        weight = Weight(self.matrix, self.dmatrix, False, transposed)
        self.layer = AdaptiveSoftmax(Product(self.below, weight), Parameter(self.bias, self.dbias), cutoffs)
        self.weight = self.matrix.T if transposed else self.matrix
        self.dweight = self.dmatrix.T if transposed else self.dmatrix

    def see(self, T: int, B: int, seed: int = 3) -> np.ndarray:
        """The random vectors x (T, B, H) that it rests on."""
        x = np.random.default_rng(seed).normal(size=(T, B, H)).astype(self.matrix.dtype)
        self.below.output, self.below.doutput = x, np.full_like(x, 7)
        return x

    def forward(self, targets: np.ndarray, training: bool = False) -> np.ndarray:
        """The losses of a window."""
        T, B = targets.shape
        self.layer.allocate(T, B, training)
        self.layer.begin(window_of(targets))
        self.layer.forward(window_of(targets), 0, B)
        return self.layer.losses.copy()

    def train(self, targets: np.ndarray, scale: float = 0.5, threads: int = 1) -> list[np.ndarray]:
        """Losses, and the gradients of the vectors, the matrix and the bias."""
        (T, B), window, layer = targets.shape, window_of(targets), self.layer
        layer.allocate(T, B, True)
        layer.scale = scale
        layer.begin(window)
        self.dmatrix[:], self.dbias[:] = 0, 0

        def over_rows(part: int) -> None:
            rows = share(B, part, threads)
            layer.forward(window, *rows)
            layer.backward(window, *rows)

        with Team(threads) as team:
            team.run(over_rows)
            team.run(lambda part: layer.add_gradients(window, part, threads))
        return [a.copy() for a in (layer.losses, self.below.doutput, self.dweight, self.dbias)]

    def expected(self, cutoffs: Sequence[int], x: np.ndarray) -> np.ndarray:
        """The log-probabilities of all ids, (T, B, V), longhand."""
        logits = x.astype(np.float64) @ self.weight.astype(np.float64) + self.bias.astype(np.float64)
        return np.array([[log_probabilities(row.tolist(), cutoffs) for row in step] for step in logits])


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_losses_and_gradients_of_pytorch(cutoffs, dtype):
    torch = pytest.importorskip("torch")
    T, B, K = 9, 5, len(cutoffs)
    output = Output(cutoffs, dtype)
    targets = np.random.default_rng(1).permutation(T * B).reshape(T, B).astype(np.int32) % V  # no id is left out
    x = torch.from_numpy(output.see(T, B).reshape(-1, H).copy()).requires_grad_()
    peer = torch.nn.AdaptiveLogSoftmaxWithLoss(H, V, list(cutoffs), div_value=1, head_bias=True, dtype=x.dtype)
    weight, head = torch.from_numpy(output.weight.T.copy()), K + cutoffs[0]
    order = [*range(K, head), *range(K)]  # in PyTorch's head the clusters come last
    output.bias[head:] = 0  # the tails have no bias there
    with torch.no_grad():
        peer.head.weight.copy_(weight[order])
        peer.head.bias.copy_(torch.from_numpy(output.bias)[order])
        for k, (first, last) in enumerate(zip(cutoffs, [*cutoffs[1:], V], strict=True)):
            peer.tail[k][0].weight.copy_(torch.eye(H))
            peer.tail[k][1].weight.copy_(weight[K + first : K + last])
    result = peer(x, torch.from_numpy(targets.reshape(-1).astype(np.int64)))
    (-0.5 * result.output.sum()).backward()
    losses, dx, dweight, dbias = output.train(targets)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    assert largest_difference(losses.reshape(-1), -result.output.detach().numpy()) < tolerance
    assert largest_difference(dx.reshape(-1, H), x.grad.numpy()) < tolerance
    expected = np.concatenate([peer.head.weight.grad[np.argsort(order)], *(tail[1].weight.grad for tail in peer.tail)])
    assert largest_difference(dweight, expected.T) < tolerance
    assert largest_difference(dbias[order], peer.head.bias.grad.numpy()) < tolerance


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
