"""What the filters' benchmark draws from and counts, by hand; the program's own filters draw from the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.benchmarks.filters import Way, at_entropy, min_p, top_k, top_p, typical
from tests.benchmarks.likeness import area, runs, zipf
from textgen.core.kernels.draw import Filters, find_weights, space
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID


@pytest.mark.parametrize(
    ("mass", "kept"), [(0.2, [1]), (0.25, [1]), (0.26, [0, 1]), (0.76, [0, 1, 2]), (0.9, [0, 1, 2, 3])]
)
def test_typical_keeps_what_surprises_as_much_as_is_expected(mass, kept):
    # The entropy is 1.75 bits; the tokens have 1, 2, 3 and 3. The second is nearest, the most probable comes after it.
    found = typical(np.array([[0.5, 0.25, 0.125, 0.125]]), mass)
    assert np.flatnonzero(found).tolist() == kept


@pytest.mark.parametrize(
    ("rule", "value", "name"), [(top_k, 7, "top_k"), (top_p, 0.8, "top_p"), (min_p, 0.05, "min_p"), (min_p, 0, "min_p")]
)
def test_filters_are_those_of_the_program(rule, value, name):
    logits = np.random.default_rng(1).normal(0, 2, (20, 90)).astype(np.float32)
    off = Filters(temperature=0.8, top_k=0, top_p=1.0, min_p=0.0, excluded=UNK_ID)
    found = Way(0.8, rule, value).distributions(logits.astype(float))
    for row, distribution in zip(logits, found, strict=True):
        room = space(row.size)
        find_weights(row, off._replace(**{name: value}), room)
        np.testing.assert_allclose(distribution, room.weights / room.weights.sum(), rtol=1e-6)


def test_families_are_compared_between_two_of_their_ways():
    family = np.array([[[1.0, 10], [2.0, 30]], [[3.0, 20], [1.0, 10]]])  # two ways, two models: entropy, a figure
    found = at_entropy(family, np.array([2.0, 1.25]))
    assert found is not None
    assert found.tolist() == [[2, 15], [1.25, 15]]
    assert at_entropy(family, np.array([2.0, 2.5])) is None


def test_runs_stay_within_a_sequence_and_leave_unknown_tokens_out():
    rows = np.array([[5, 6, EOS_ID, 7, UNK_ID, 8], [6, 7, 8, EOS_ID, 5, 6]])
    assert list(runs(rows, 2)) == [(5, 6), (6, EOS_ID), (6, 7), (7, 8), (8, EOS_ID), (5, 6)]


def test_area_is_one_for_equal_histograms_and_less_for_others():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.25, 0.25])
    assert area(p, p) == pytest.approx(1)
    assert 0 < area(p, np.array([0.0, 0.0, 1.0])) < area(p, q) < 1
    assert area(p, q) == pytest.approx(area(q, p))


def test_zipf_is_the_exponent():
    words = [f"word{rank}" for rank in range(1, 7) for _ in range(round(3600 / rank**2))]
    assert zipf(words) == pytest.approx(2, abs=1e-3)
    assert math.isclose(zipf(["a", "b"]), 0, abs_tol=1e-12)
