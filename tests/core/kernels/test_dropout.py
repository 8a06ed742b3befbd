"""Dropout: the generator, the masks against their longhand twin, their statistics, and what they depend on."""

from __future__ import annotations

from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pytest

from tests.core import twins
from tests.core.cases import assert_same_bytes, entry
from textgen.core.kernels.dropout import Dropout, Masks, philox, room_for

T, B, N = 6, 50, 40
RATES = (0.1, 0.3, 0.75)
KINDS = (False, True)  # each_step

# Of the authors' own implementation (Random123, kat_vectors): counter, key and what they give.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_known_answers(counter, key, expected):
    found = entry(philox)(*(np.uint64(word) for word in (*counter, *key)))
    assert tuple(map(int, found)) == expected
    assert tuple(twins.philox(counter, key)) == expected


def masks_of(place: int = 3, step: int = 1, rate: float = 0.3, each_step: bool = True, seed: int = 2) -> Masks:
    """The masks of a layer."""
    found = Dropout(rate, 0.0, each_step, seed, step).of_units(place)
    assert found is not None
    return found


def drawn(
    masks: Masks, columns: int = N, dtype: type[np.floating] = np.float32, rows: tuple[int, int] = (0, B)
) -> np.ndarray:
    """The masks (T, B, columns) themselves, zero outside of `rows`."""
    x, y = np.ones((T, B, columns), dtype), np.zeros((T, B, columns), dtype)
    masks.multiply_rows(x, room_for(B, columns, x.dtype), y, *rows)
    return y


@pytest.mark.parametrize("each_step", KINDS)
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 37])
def test_masks_are_the_twins(columns, each_step):
    twin = twins.TwinDropout(0.3, 0.0, each_step, seed=7, step=2**31 + 5)
    found = drawn(masks_of(4, 2**31 + 5, 0.3, each_step, seed=7), columns, np.float64)
    for t, b in ((0, 0), (1, 0), (T - 1, B - 1), (2, 17)):
        assert found[t, b].tolist() == twin.at(t, b, 0)(4, [1.0] * columns)


@pytest.mark.parametrize("each_step", KINDS)
def test_words_are_the_twins(each_step):
    ids = np.random.default_rng(1).integers(-1, 9, (T, B)).astype(np.int32)
    twin = twins.TwinDropout(0.0, 0.4, each_step, seed=7, step=3)
    masks, scales = Dropout(0.0, 0.4, each_step, 7, 3).of_words(), np.full((T, B), -1.0)
    assert masks is not None
    masks.draw_scales(ids, 1.5, scales, 3, 9)
    np.testing.assert_array_equal(np.delete(scales, np.s_[3:9], axis=1), -1)
    expected = np.array([[twin.at(t, b, int(ids[t, b]))(0, [1.5])[0] for b in range(3, 9)] for t in range(T)])
    np.testing.assert_allclose(scales[:, 3:9], expected, rtol=1e-15)
    assert 0 < np.count_nonzero(expected) < expected.size


@pytest.mark.parametrize("rate", RATES)
def test_share_of_what_is_dropped(rate):
    mask = drawn(masks_of(rate=rate), columns=400)
    kept = mask != 0
    np.testing.assert_allclose(mask[kept], 1 / (1 - rate), rtol=1e-6)  # so that the mean stays what it is
    for axes in ((0, 1, 2), (0, 1), (1, 2), (0, 2)):  # of all, and of each column, time step and row
        shares = kept.mean(axis=axes)
        count = kept.size / shares.size
        deviation = sqrt(rate * (1 - rate) / count)
        assert np.abs(shares - (1 - rate)).max() < 4.5 * deviation
        assert shares.size < 40 or 0.7 < shares.std() / deviation < 1.4


def agreement(one: np.ndarray, other: np.ndarray, rate: float) -> float:
    """How much more often two masks agree than independent ones do, in standard deviations."""
    expected = rate**2 + (1 - rate) ** 2
    return float(abs(((one != 0) == (other != 0)).mean() - expected) / sqrt(expected * (1 - expected) / one.size))


@pytest.mark.parametrize("rate", RATES)
def test_masks_that_are_not_the_same_are_independent(rate):
    def alone(**changed: Any) -> np.ndarray:
        return drawn(masks_of(rate=rate, **changed), columns=400)

    first = alone()
    others = [alone(step=2), alone(seed=3), alone(place=4), alone(step=3, place=1), alone(step=2**32 - 1)]
    for one, other in combinations([first, *others], 2):
        assert agreement(one, other, rate) < 4
    for one, other in (
        (first[:, 1:], first[:, :-1]),  # rows
        (first[1:], first[:-1]),  # time steps
        (first[..., 1:], first[..., :-1]),  # columns
        (first[..., 100:], first[..., :-100]),  # the words of one block
        (first[1:, 1:], first[:-1, :-1]),
    ):
        assert agreement(one, other, rate) < 4


def test_a_mask_is_a_function_of_what_it_is_for():
    assert_same_bytes([drawn(masks_of())], [drawn(masks_of())])
    np.testing.assert_array_equal(drawn(masks_of()) != 0, drawn(masks_of(), dtype=np.float64) != 0)
    some = drawn(masks_of(), rows=(7, 31))
    assert_same_bytes([np.ascontiguousarray(some[:, 7:31])], [np.ascontiguousarray(drawn(masks_of())[:, 7:31])])
    assert not some[:, :7].any()
    assert not some[:, 31:].any()


def test_one_mask_for_all_time_steps_of_a_row_or_one_for_each():
    whole, each = drawn(masks_of(each_step=False)), drawn(masks_of(each_step=True))
    assert_same_bytes([whole], [np.broadcast_to(whole[0], whole.shape)])
    assert_same_bytes([each[0]], [whole[0]])
    assert (each[1:] != each[0]).any(axis=(1, 2)).all()


@pytest.mark.parametrize("each_step", KINDS)
def test_what_is_multiplied_is_the_mask_in_place_too(each_step):
    x = np.random.default_rng(1).normal(size=(T, B, N))
    masks, y = masks_of(each_step=each_step), np.empty((T, B, N))
    room = room_for(B, N, x.dtype)
    masks.multiply_rows(x, room, y, 0, B)
    np.testing.assert_array_equal(y, x * drawn(masks, dtype=np.float64))
    masks.multiply_rows(x, room, x, 0, B)
    assert_same_bytes([x], [y])


def scales_of(ids: np.ndarray, **changed: Any) -> np.ndarray:
    """The scales (T, B) of tokens, of which 0.3 are dropped."""
    masks = Dropout(**{"words": 0.3, "step": 1, **changed}).of_words()
    assert masks is not None
    scales = np.empty(ids.shape)
    masks.draw_scales(ids, 2.0, scales, 0, ids.shape[1])
    return scales


def test_a_word_is_dropped_wherever_it_occurs_in_a_row():
    V = 40
    ids = np.random.default_rng(1).integers(0, V, (300, 200)).astype(np.int32)
    scales = scales_of(ids)
    assert set(np.round(np.unique(scales), 12)) == {0, round(2 / 0.7, 12)}
    kept = np.full((200, V), -1)  # by row and word
    for (t, b), idx in np.ndenumerate(ids):
        assert kept[b, idx] in (-1, scales[t, b] != 0)
        kept[b, idx] = scales[t, b] != 0
    assert (kept >= 0).mean() > 0.99
    deviation = sqrt(0.3 * 0.7)
    assert abs((kept == 1).mean() - 0.7) < 4 * deviation / sqrt(kept.size)
    for axis in (0, 1):  # words and rows differ only as chance has it
        assert 0.7 < (kept == 1).mean(axis=axis).std() / (deviation / sqrt(kept.shape[axis])) < 1.4
    for changed in ({"step": 2}, {"seed": 1}):
        assert agreement(scales_of(ids[:1], **changed), scales[:1], 0.3) < 4


def test_each_occurrence_of_a_word_is_dropped_by_itself():
    ids = np.full((300, 200), 5, np.int32)
    kept = scales_of(ids, each_step=True) != 0
    deviation = sqrt(0.3 * 0.7)
    assert abs(kept.mean() - 0.7) < 4 * deviation / sqrt(kept.size)
    for axis in (0, 1):
        assert 0.7 < kept.mean(axis=axis).std() / (deviation / sqrt(kept.shape[axis])) < 1.4


def test_without_dropout_there_are_no_masks():
    assert Dropout().of_units(1) is None
    assert Dropout(units=0.5).of_words() is None
    assert Dropout(words=0.5).of_units(1) is None
