"""Tuples of arrays that a kernel goes through in a loop: what it finds there, and that their number is not compiled."""

from __future__ import annotations

import gc
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.core.processes import run_python
from textgen.core.runtime.jit import kernel
from textgen.core.runtime.linking import Compiled, call
from textgen.core.runtime.series import Series, count_of, item_of


class Pair(NamedTuple):
    """Two arrays of other types."""

    numbers: np.ndarray
    flags: np.ndarray


class Item(NamedTuple):
    """One of everything that a series may hold; tuples of one type and of several."""

    rows: np.ndarray
    is_added: bool
    pairs: tuple[Pair, ...]
    set_to: Compiled


@kernel
def set_to_sum(x, y):
    """y = the sum of x in all."""
    y[:] = x.sum()


@kernel
def set_to_count(x, y):
    """y = the size of x."""
    y[:] = x.size


@kernel
def read(series, found, total):
    """found[n] = what item n holds, weighted so that no two places can be mistaken for one another."""
    for n in range(count_of(series)):
        item = item_of(series, n)
        call(item.set_to, (item.rows, total))
        found[n] = total[0] + (1000 if item.is_added else 0)
        for i in range(item.rows.shape[0]):
            for j in range(item.rows.shape[1]):
                found[n] += (10 * i + j) * item.rows[i, j]
        for pair in item.pairs:
            for i in range(pair.numbers.size):
                found[n] += i * pair.numbers[i] + (100 if pair.flags[i] else 0)


def item(size: int, is_added: bool, reducer: Any = set_to_sum) -> Item:
    """Arrays whose sizes and strides differ with `size`."""
    rows = np.arange(12.0 * size).reshape(2 * size, 6)[::2, 1::2]
    numbers = np.arange(size, 0, -1, dtype=np.float32)
    pairs = Pair(numbers, numbers > 1), Pair(numbers + 1, numbers < 0)
    return Item(rows, is_added, pairs, Compiled(reducer, np.ones((4, 4))[:, ::2], np.ones(1)))


def expected_of(item: Item, is_sum: bool) -> float:
    """What `read` finds in an item, by NumPy."""
    places = 10 * np.arange(item.rows.shape[0])[:, None] + np.arange(item.rows.shape[1])
    found = float(item.rows.sum() if is_sum else item.rows.size) + 1000 * item.is_added
    found += float((places * item.rows).sum())
    for pair in item.pairs:
        found += float((np.arange(pair.numbers.size) * pair.numbers).sum()) + 100 * int(pair.flags.sum())
    return found


def read_all(series: Series, count: int) -> np.ndarray:
    """What `read` finds in each item."""
    found = np.zeros(count)
    read(series, found, np.zeros(1))
    return found


def test_each_item_is_what_was_put_in():
    items = [item(3, True), item(1, False, set_to_count), item(5, False), item(2, True, set_to_count)]
    expected = [expected_of(x, is_sum) for x, is_sum in zip(items, (True, False, True, False), strict=True)]
    assert len(set(expected)) == 4
    np.testing.assert_allclose(read_all(Series(items), 4), expected, rtol=1e-12)


def test_the_number_of_items_is_not_compiled():
    one, many = [item(2, True)], [item(size, False) for size in range(1, 300)]
    read_all(Series(one), 1)
    compiled = list(read.signatures)  # type: ignore[attr-defined]
    np.testing.assert_allclose(read_all(Series(many), 299), [expected_of(x, True) for x in many], rtol=1e-12)
    assert list(read.signatures) == compiled  # type: ignore[attr-defined]


def test_what_is_written_is_written_into_the_arrays():
    @kernel
    def count_up(series):
        for n in range(count_of(series)):
            item = item_of(series, n)
            item[0][:] = n

    arrays = [np.full(n, -1.0) for n in range(1, 5)]
    count_up(Series((array,) for array in arrays))
    for n, array in enumerate(arrays):
        np.testing.assert_array_equal(array, n)


def test_a_series_keeps_its_arrays_alive():
    series = Series([item(50, True) for _ in range(50)])
    gc.collect()
    np.full(500_000, 7.0)  # would lie where they were
    np.testing.assert_allclose(read_all(series, 50), expected_of(item(50, True), True), rtol=1e-12)


@pytest.mark.parametrize(
    "other",
    [
        (np.ones(3, np.float32), True),
        (np.ones((3, 1)), True),
        (np.ones(6)[::2], True),  # of another layout
        (np.ones(3), 1),
        (np.ones(3),),
    ],
)
def test_items_of_several_types_are_refused(other):
    with pytest.raises(TypeError, match="of one type, not of 2"):
        Series([(np.ones(3), True), other])


def test_nothing_is_refused():
    with pytest.raises(TypeError, match="of one type, not of 0"):
        Series([])


def test_what_has_no_place_in_a_row_is_refused():
    with pytest.raises(TypeError, match=r"does not hold 1\.5"):
        Series([(np.ones(3), 1.5)])


SCRIPT = """
from tests.core.runtime.test_series import Series, item, read_all
from textgen.core.runtime.jit import compiler_heard

compiled = []
with compiler_heard(lambda: compiled.append(True)):
    found = read_all(Series([item(2, True), item(3, False)]), 2)
print(bool(compiled), *found)
"""


def test_a_kernel_from_the_cache_reads_a_series(tmp_path):
    expected = [expected_of(item(2, True), True), expected_of(item(3, False), True)]
    for compiling in ("True", "False"):
        done = run_python({}, tmp_path, "-c", SCRIPT)
        assert done.stdout.split() == [compiling, *map(str, expected)], done.stderr
