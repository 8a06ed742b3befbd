"""Drawing from logits: the filters against a longhand version, and the draw as the inverse of the distribution."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from textgen.core.kernels.draw import Filters, draw, find_weights, space

OFF = Filters(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, excluded=-1)
BELOW_ONE = math.nextafter(1, 0)


def probabilities(logits, filters):
    """The distribution that a token is drawn from."""
    room = space(len(logits))
    find_weights(logits, filters, room)
    return room.weights / room.weights.sum()


def filtered(logits, **changes):
    return probabilities(np.array(logits, np.float32), OFF._replace(**changes))


def draw_one(logits, uniform, **changes):
    """The token and its log-probability."""
    ids, log_probabilities = np.empty(1, np.int32), np.empty(1)
    draw(
        np.array([logits], np.float32),
        np.array([uniform]),
        OFF._replace(**changes),
        space(len(logits)),
        ids,
        log_probabilities,
        0,
        len(ids),
    )
    return int(ids[0]), float(log_probabilities[0])


def longhand(logits, filters):
    """The distribution {id: probability} of the tokens that can be drawn; and how near a filter came to a tie.

    Near a tie the last bit decides who is kept, which is not what is to be compared.
    """
    temperature, top_k, top_p, min_p, excluded = filters
    left = [idx for idx in range(len(logits)) if idx != excluded]
    left.sort(key=lambda idx: (-logits[idx], idx))
    scaled = {idx: math.exp((logits[idx] - logits[left[0]]) / temperature) for idx in left}
    margin = 1.0
    if top_k > 0:
        left = left[:top_k]
    if top_p < 1:
        limit = top_p * math.fsum(scaled[idx] for idx in left)
        sums = [math.fsum(scaled[idx] for idx in left[: n + 1]) for n in range(len(left))]
        margin = min(margin, *(abs(reached - limit) for reached in sums))
        left = left[: 1 + sum(reached < limit for reached in sums[:-1])]
    if min_p > 0:
        margin = min([margin, *(abs(scaled[idx] - min_p) for idx in left if scaled[idx] != 1)])
        left = [idx for idx in left if scaled[idx] >= min_p]
    total = math.fsum(scaled[idx] for idx in left)
    return {idx: scaled[idx] / total for idx in left}, margin


LOGITS = st.lists(
    st.one_of(
        st.integers(-3, 3).map(float),  # many ties
        st.floats(-20, 20, width=32),
    ),
    min_size=2,
    max_size=24,
)
FILTERS = st.builds(
    Filters,
    temperature=st.sampled_from([1.0, 0.5, 0.1, 2.0, 7.3]),
    top_k=st.integers(0, 30),
    top_p=st.one_of(st.just(1.0), st.floats(0.01, 1)),
    min_p=st.one_of(st.just(0.0), st.floats(0, 1)),
    excluded=st.integers(-1, 1),
)


@settings(max_examples=400)
@given(LOGITS, FILTERS)
@example([0.0, 0.0], Filters(1.0, 1, 0.5, 1.0, 0))
@example([2.0, 2.0, 2.0, 2.0, 1.0], Filters(0.5, 3, 0.6, 0.0, 1))
def test_filters_are_what_they_are_said_to_be(logits, filters):
    expected, margin = longhand(logits, filters)
    assume(margin > 1e-9)
    found = probabilities(np.array(logits, np.float32), filters)
    assert set(np.flatnonzero(found)) <= set(expected)
    # What is less probable than the last bit of 1 may be kept or not.
    np.testing.assert_allclose(found, [expected.get(idx, 0) for idx in range(len(logits))], rtol=1e-12, atol=1e-16)


@settings(max_examples=200)
@given(LOGITS, FILTERS, st.floats(0, 1, exclude_max=True))
def test_a_draw_inverts_the_cumulative_distribution(logits, filters, uniform):
    p = probabilities(np.array(logits, np.float32), filters)
    sums = np.cumsum(p)
    assume(np.abs(sums - uniform).min() > 1e-9)
    idx, _ = draw_one(logits, uniform, **filters._asdict())
    assert idx == np.flatnonzero(sums > uniform)[0]
    assert p[idx] > 0


@pytest.mark.parametrize("V", [63, 64, 65, 129, 1000])
@pytest.mark.parametrize("spread", [0.0, 0.01, 1.0, 4.0])
def test_large_vocabularies(V, spread):
    """Weights are added up in blocks, and only the largest are sorted."""
    rng = np.random.default_rng(V)
    logits = (rng.normal(size=V) * spread).astype(np.float32)
    cases: list[dict[str, Any]] = [
        {},
        {"excluded": V - 1},
        {"top_k": 1},
        {"top_k": 7},
        {"top_k": V - 1},
        {"top_p": 0.3},
    ]
    cases += [{"top_p": 0.95, "excluded": 5}, {"top_k": 50, "top_p": 0.5, "temperature": 2.0}, {"min_p": 0.1}]
    for changes in cases:
        filters = OFF._replace(**changes)
        expected, margin = longhand(logits.astype(np.float64), filters)
        if margin < 1e-9:
            continue
        p = probabilities(logits, filters)
        np.testing.assert_allclose(
            p, [expected.get(idx, 0) for idx in range(V)], rtol=1e-11, atol=0, err_msg=str(changes)
        )
        sums = np.cumsum(p)
        for idx in rng.choice(np.flatnonzero(p), 9):
            assert draw_one(logits, sums[idx] - p[idx] / 2, **changes)[0] == idx
        last = np.flatnonzero(p)[-1]
        assert draw_one(logits, BELOW_ONE, **changes)[0] == last or p[last] < 1e-14


def test_without_filters_it_is_the_softmax():
    weights = np.exp([0.5, -1, 2, 0])
    np.testing.assert_allclose(filtered([0.5, -1, 2, 0]), weights / weights.sum(), rtol=1e-12)


def test_each_filter_by_hand():
    """The probabilities are 1/2, 1/4, 1/8, 1/8, in another order than the ids."""
    logits = np.log([0.125, 0.5, 0.125, 0.25])
    cases: list[tuple[dict[str, Any], list[float]]] = [
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 2 / 3, 0, 1 / 3]),
        ({"top_k": 4}, [0.125, 0.5, 0.125, 0.25]),
        ({"top_k": 9}, [0.125, 0.5, 0.125, 0.25]),
        ({"top_p": 0.1}, [0, 1, 0, 0]),
        ({"top_p": 0.6}, [0, 2 / 3, 0, 1 / 3]),
        ({"top_p": 0.8}, [1 / 7, 4 / 7, 0, 2 / 7]),  # of the two equal ones the smaller id
        ({"min_p": 0.3}, [0, 2 / 3, 0, 1 / 3]),
        ({"min_p": 0.2}, [0.125, 0.5, 0.125, 0.25]),
        ({"min_p": 1.0}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, [1 / 22, 16 / 22, 1 / 22, 4 / 22]),
        ({"excluded": 1}, [0.25, 0, 0.25, 0.5]),
        ({"excluded": 3, "top_k": 2}, [0.2, 0.8, 0, 0]),
        ({"excluded": 1, "min_p": 0.6}, [0, 0, 0, 1]),  # a share of the largest that is left
        ({"top_k": 2, "top_p": 0.7}, [0, 2 / 3, 0, 1 / 3]),
        ({"top_k": 2, "top_p": 0.6}, [0, 1, 0, 0]),  # the nucleus of what top-k left: 2/3 and 1/3
        ({"top_p": 0.8, "min_p": 0.4}, [0, 2 / 3, 0, 1 / 3]),
    ]
    for changes, expected in cases:
        np.testing.assert_allclose(filtered(logits, **changes), expected, rtol=1e-6, atol=0, err_msg=str(changes))


def test_ties_fall_to_the_smaller_ids():
    np.testing.assert_array_equal(filtered([0, 0, 0, 0], top_k=2), [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(filtered([0, 0, 0, 0], top_p=0.5), [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(filtered([-1, 3, 3, 3], top_k=1), [0, 1, 0, 0])
    np.testing.assert_array_equal(filtered([-1, 3, 3, 3], min_p=1), [0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1e300])
def test_extreme_temperatures(temperature):
    p = filtered([1, 3, 2.5, 3], temperature=temperature)
    expected = [0.25] * 4 if temperature > 1 else [0, 0.5, 0, 0.5]
    np.testing.assert_allclose(p, expected, rtol=1e-9, atol=1e-200)


def test_extreme_logits():
    np.testing.assert_allclose(filtered([3e38, -3e38, 3e38]), [0.5, 0, 0.5])
    np.testing.assert_allclose(filtered([-3e38, -3e38, 0], excluded=2), [0.5, 0.5, 0])


def test_the_ends_of_the_unit_interval():
    """Whatever the uniform number: nothing is drawn that has no probability."""
    for uniform, expected in ((0.0, 1), (BELOW_ONE, 3)):
        assert draw_one([5, 1, 5, 1, 5], uniform, temperature=1e-3, excluded=2, top_k=2, top_p=0.999)[0] in (0, 4)
        assert draw_one([-900, 1, -900, 1, -900], uniform)[0] == expected
        assert draw_one([7, 0], uniform, excluded=0)[0] == 1
    tenths = [0.0] * 10  # ten times 0.1 is a little less than 1
    assert draw_one(tenths, BELOW_ONE)[0] == 9
    assert draw_one([*tenths, -900], BELOW_ONE)[0] == 9


def test_below_zero_takes_the_most_probable():
    assert draw_one([1, 3, 2, 3], -1.0)[0] == 1
    assert draw_one([9, 3, 2, 4], -1.0, excluded=0)[0] == 3
    assert draw_one([9, 3, 4, 4], -1.0, excluded=0, temperature=5.0)[0] == 2


def test_the_log_probability_is_that_of_the_whole_softmax():
    logits = [2.0, 0.5, -1.0, 1.0]
    weights = [math.exp(logit) for logit in logits]
    everything = {"temperature": 0.3, "top_k": 2, "top_p": 0.9, "min_p": 0.1, "excluded": 0}
    for uniform in (-1.0, 0.0, 0.5, 0.99):
        idx, log_probability = draw_one(logits, uniform, **everything)
        assert idx != 0
        assert log_probability == pytest.approx(math.log(weights[idx] / sum(weights)), rel=1e-12)
    assert draw_one([1000.0, 0.0], 0.0, excluded=0) == (1, pytest.approx(-1000))


def test_each_row_is_drawn_for_itself():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(9, 5)).astype(np.float32)
    uniforms = np.where(np.arange(9) % 3 == 2, -1, rng.random(9))
    ids, log_probabilities = np.empty(9, np.int32), np.empty(9)
    before = logits.copy()
    draw(logits, uniforms, OFF, space(logits.shape[1]), ids, log_probabilities, 0, len(ids))
    alone = [draw_one(row, uniform) for row, uniform in zip(logits, uniforms, strict=True)]
    assert list(zip(ids, log_probabilities, strict=True)) == alone
    assert len(set(ids)) > 2
    np.testing.assert_array_equal(logits, before)
