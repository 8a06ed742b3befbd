"""Clipping and the updates, written out longhand; the same bytes for any number of threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.core.cases import assert_same_bytes, largest_difference
from textgen.core.kernels.optimizers import (
    BLOCK,
    SGD,
    SHARED_FROM,
    Adam,
    Average,
    block_count,
    clip_factor,
    gradient_size,
)
from textgen.core.runtime.threads import Team

SHARED = (SHARED_FROM - 1) * BLOCK + 5  # the last block is not a whole one
SIZES = [1, 31, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, SHARED]
CLIP_MODES = ("norm", "value")


def random_vector(size: int, seed: int, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """Numbers of very different sizes."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=size) * 10.0 ** rng.integers(-3, 3, size)).astype(dtype)


@pytest.mark.parametrize("size", SIZES)
def test_blocks_cover_the_vector(size):
    assert block_count(size) == math.ceil(size / BLOCK)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_gradient_size(size, dtype):
    gradient = random_vector(size, 1, dtype)
    with Team(2) as team:
        norm, largest = (gradient_size(gradient, mode, team) for mode in CLIP_MODES)
    assert norm == pytest.approx(math.sqrt(math.fsum(float(x) ** 2 for x in gradient)), rel=1e-13)
    assert largest == max(abs(float(x)) for x in gradient)


@pytest.mark.parametrize("mode", CLIP_MODES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, BLOCK, SHARED - 1])
def test_gradient_size_shows_what_is_not_finite(mode, bad, place):
    gradient = random_vector(SHARED, 2)
    gradient[place] = bad
    with Team(3) as team:
        assert not math.isfinite(gradient_size(gradient, mode, team))


@pytest.mark.parametrize("mode", CLIP_MODES)
def test_gradient_size_does_not_overflow_in_float32(mode):
    gradient = np.full(BLOCK + 1, 3e38, np.float32)
    expected = float(gradient[0]) * (math.sqrt(BLOCK + 1) if mode == "norm" else 1)
    assert gradient_size(gradient, mode, Team(1)) == pytest.approx(expected, rel=1e-12)


def test_clip_by_norm_is_pascanus_algorithm():
    # "if ||g|| >= threshold then g <- threshold / ||g|| * g"
    gradient = np.array([3.0, -4.0, 12.0])
    size = gradient_size(gradient, "norm", Team(1))
    assert size == 13
    assert (gradient * clip_factor(size, 6.5)).tolist() == [1.5, -2, 6]
    assert clip_factor(size, 13) == clip_factor(size, 14) == 1


def test_clip_by_value_keeps_the_direction():
    gradient = np.array([3.0, -12.0, 4.0])
    size = gradient_size(gradient, "value", Team(1))
    assert size == 12
    assert (gradient * clip_factor(size, 3)).tolist() == [0.75, -3, 1]
    assert clip_factor(size, 12) == clip_factor(size, 100) == 1


def test_threshold_zero_is_no_clipping():
    assert clip_factor(1e30, 0) == 1
    assert clip_factor(0.0, 1) == 1


DECAYS = [(0, None), (0, 3), (0.1, None), (0.1, 3)]  # of five parameters; the last two may be biases


@pytest.mark.parametrize(("decay", "decaying"), DECAYS)
def test_adam_longhand(decay, decaying):
    size, rate, factor = 5, 0.01, 0.3
    parameters = random_vector(size, 3, np.float64)
    p, m, v = parameters.tolist(), [0.0] * size, [0.0] * size
    optimizer = Adam(size, np.dtype(np.float64), weight_decay=decay, decaying=decaying)
    for t in range(1, 8):
        gradient = random_vector(size, 10 + t, np.float64)
        optimizer.update(parameters, gradient, rate, factor, Team(1))
        for j in range(size):
            slope = factor * float(gradient[j])
            m[j] = 0.9 * m[j] + 0.1 * slope
            v[j] = 0.999 * v[j] + 0.001 * slope * slope
            p[j] -= 0 if decaying and j >= decaying else rate * decay * p[j]
            p[j] -= rate * (m[j] / (1 - 0.9**t)) / (math.sqrt(v[j] / (1 - 0.999**t)) + 1e-8)
        assert largest_difference(parameters, np.array(p)) < 1e-13
    assert optimizer.updates == 7


@pytest.mark.parametrize(("decay", "decaying"), DECAYS)
def test_sgd_longhand(decay, decaying):
    size, rate, factor = 5, 0.01, 0.3
    parameters = random_vector(size, 3, np.float64)
    p, velocity = parameters.tolist(), [0.0] * size
    optimizer = SGD(size, np.dtype(np.float64), momentum=0.8, weight_decay=decay, decaying=decaying)
    for t in range(7):
        gradient = random_vector(size, 10 + t, np.float64)
        optimizer.update(parameters, gradient, rate, factor, Team(1))
        for j in range(size):
            velocity[j] = 0.8 * velocity[j] + factor * float(gradient[j])
            p[j] -= 0 if decaying and j >= decaying else rate * decay * p[j]
            p[j] -= rate * velocity[j]
        assert largest_difference(parameters, np.array(p)) < 1e-13


@pytest.mark.parametrize("kind", [Adam, SGD])
def test_an_update_by_a_gradient_of_zero_changes_nothing(kind):
    parameters = random_vector(100, 4)
    before = parameters.copy()
    kind(100, np.dtype(np.float32)).update(parameters, np.zeros(100, np.float32), 0.1, 1.0, Team(1))
    np.testing.assert_array_equal(parameters, before)


@pytest.mark.parametrize("mode", CLIP_MODES)
@pytest.mark.parametrize("kind", [Adam, SGD])
def test_any_number_of_threads(kind, mode):
    def run(threads: int) -> list[np.ndarray]:
        parameters, sizes = random_vector(SHARED, 5), np.zeros(3)
        optimizer: Any = kind(parameters.size, parameters.dtype, weight_decay=0.01, decaying=SHARED // 2)
        with Team(threads) as team:
            for step in range(3):
                gradient = random_vector(parameters.size, 20 + step)
                sizes[step] = gradient_size(gradient, mode, team)
                optimizer.update(parameters, gradient, 0.01, clip_factor(sizes[step], 100), team)
        assert (sizes > 100).all()
        return [sizes, parameters, *(value for value in vars(optimizer).values() if isinstance(value, np.ndarray))]

    alone = run(1)
    assert (alone[1] != random_vector(SHARED, 5)).mean() > 0.9
    for threads in (2, 3, 7):
        assert_same_bytes(run(threads), alone)


def test_the_average_weighs_the_nth_vector_by_nearly_the_fourth_power_of_n():
    vectors = [random_vector(40, 30 + n, np.float64) for n in range(1, 10)]
    average = Average(40, np.dtype(np.float64))
    for n, vector in enumerate(vectors, start=1):
        for updates in range(8 * n, 8 * n + 8):
            average.add(vector if updates == 8 * n else np.full(40, np.nan), updates, Team(1))
        weights = [k * (k + 1) * (k + 2) * (k + 3) for k in range(1, n + 1)]
        assert largest_difference(average.vector, np.average(vectors[:n], axis=0, weights=weights)) < 1e-12


def test_any_number_of_threads_averages():
    def run(threads: int) -> np.ndarray:
        average = Average(SHARED, np.dtype(np.float32))
        with Team(threads) as team:
            for n in range(1, 4):
                average.add(random_vector(SHARED, 30 + n), 8 * n, team)
        return average.vector

    for threads in (2, 3, 7):
        assert_same_bytes([run(threads)], [run(1)])
