"""What `write` draws, against the same network run step by step from Python and `draw`: the very same tokens.

Rows do not depend on one another; so the longhand loop draws on for all of them, and what is written is the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.core.cases import TextWindow, entry, random_network, random_states, set_states
from textgen.core.cells import CELLS
from textgen.core.kernels.clusters import join_clusters
from textgen.core.kernels.draw import Filters, draw, space
from textgen.core.kernels.writing import streams, write
from textgen.core.runtime.crew import abandon, crews
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.generation import draws, steps
from textgen.nn.network import Network

V, EOS, NONE = 41, 3, -1
_join = entry(join_clusters)
OFF = Filters(1.0, 0, 1.0, 0.0, NONE)
FILTERED = Filters(1.3, 20, 0.9, 0.01, 0)


@dataclass(frozen=True)
class Task:
    """What is to be written: a network, and where each of B sequences begins.

    inputs : (B,) the token before. states : one (S, B, H) a layer. numbers : (B, length), uniform, for each draw.
    """

    network: Network
    inputs: np.ndarray
    states: list[np.ndarray]
    numbers: np.ndarray
    filters: Filters


def task_of(B: int, length: int = 20, filters: Filters = FILTERED, **config) -> Task:
    """A random task; some sequences begin with the zero vector, and some end by <eos>."""
    random = random_network(V, np.float32, **{"hidden": 37, **config})
    network = Network(random.config, V, V, np.float32)
    network.parameters.vector[:] = random.parameters.vector
    network.parameters["output.bias"][len(random.config.cutoffs) + EOS] = 1
    network.pack()
    rng = np.random.default_rng(B)
    inputs = rng.integers(-1, V, B).astype(np.int32)
    return Task(network, inputs, random_states(network, B, seed=1), rng.random((B, length)), filters)


def window_of(inputs: np.ndarray) -> TextWindow:
    """One step that starts no sequence and predicts nothing."""
    return TextWindow(inputs[None], np.zeros((1, inputs.size), np.bool_), np.full((1, inputs.size), -1, np.int32))


def logits_of(computation: Computation) -> np.ndarray:
    """The logits (B, V) of the step that was computed last; with clusters, the log-probabilities."""
    output = computation.output
    if not output.cutoffs.size:
        return np.asarray(output.output[0])
    B = output.losses.shape[1]
    whole, joint = np.empty((1, B, output.columns), np.float32), np.empty((B, V), np.float32)
    output.connection.forward(window_of(np.zeros(B, np.int32)), output.bias.value, whole, 0, B)
    for b in range(B):
        _join(whole[0, b], output.cutoffs, joint[b])
    return joint


def longhand(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and log-probabilities (B, length), and logits (B, length, V), if nothing ended a sequence."""
    B, length = task.numbers.shape
    computation = Computation.without_training(task.network, Team(1))
    set_states(computation, window_of(task.inputs), task.states)
    all_ids, all_log_probabilities = np.empty((B, length), np.int32), np.empty((B, length))
    all_logits = np.empty((B, length, V), np.float32)
    inputs = task.inputs
    for n in range(length):
        computation.forward(window_of(inputs))
        ids, log_probabilities = np.empty(B, np.int32), np.empty(B)
        logits = logits_of(computation)
        draw(logits, task.numbers[:, n].copy(), task.filters, space(V), ids, log_probabilities, 0, B)
        all_ids[:, n], all_log_probabilities[:, n], all_logits[:, n] = ids, log_probabilities, logits
        inputs = ids
    return all_ids, all_log_probabilities, all_logits


@dataclass
class Written:
    """One sequence: its ids and their log-probabilities, and how many were drawn until each cut."""

    ids: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)


def next_cut(b: int, done: int, U: int) -> int:
    """Where row b, after `done` tokens, is cut next: after U of them each time, the rows not all at once."""
    offset = b % U
    return done + U - (done + offset) % U


class Writer:
    """A task, written in runs of at most U tokens."""

    def __init__(self, task: Task, U: int) -> None:
        B, self.length = task.numbers.shape
        computation = Computation.without_training(task.network, Team(1))
        computation.prepare(1, B)
        for layer, state in zip(computation.recurrent, task.states, strict=True):
            layer.states[:, 0] = state
        self.task, self.steps, self.streams = task, steps(computation.layers), streams(B, U)
        self.steps.inputs[:] = task.inputs
        self.written = [Written() for _ in range(B)]
        for b in range(B):
            self.go_on(b)

    def go_on(self, b: int) -> None:
        """Have row b be continued up to its next cut, or not at all, if it is over."""
        ids, streams = self.written[b].ids, self.streams
        done = self.length if ids[-1:] == [EOS] else len(ids)
        numbers = self.task.numbers[b, done : next_cut(b, done, streams.numbers.shape[1])]
        streams.numbers[b, : numbers.size] = numbers
        streams.limits[b], streams.counts[b], streams.ended[b] = numbers.size, 0, False

    def write(self, team: Team) -> None:
        """Have all threads of the team write together."""
        places, drawn = crews(team.threads), draws(self.task.filters, self.steps, team.threads)
        team.run(lambda part: write(self.steps, self.streams, drawn, EOS, places[part]))

    def run(self, team: Team) -> None:
        """One run. Rows that ended are read, and go on."""
        streams = self.streams
        self.write(team)
        assert streams.ended.any()
        for b in np.flatnonzero(streams.ended).tolist():
            count, written = int(streams.counts[b]), self.written[b]
            written.ids += streams.ids[b, :count].tolist()
            written.log_probabilities += streams.log_probabilities[b, :count].tolist()
            written.cuts.append(count)
            self.go_on(b)


def write_all(task: Task, U: int = 20, threads: int = 1) -> list[Written]:
    """All sequences of the task, each to its end."""
    writer = Writer(task, U)
    with Team(threads) as team:
        while writer.streams.limits.any():
            writer.run(team)
    return writer.written


def expected_of(task: Task, U: int = 20) -> list[Written]:
    """The same by the longhand loop."""
    expected = []
    for b, (ids, log_probabilities, _) in enumerate(zip(*longhand(task), strict=True)):
        ends = np.flatnonzero(ids == EOS)
        length = int(ends[0]) + 1 if ends.size else ids.size
        written, done = Written(ids[:length].tolist(), log_probabilities[:length].tolist()), 0
        while done < length:
            written.cuts.append(min(next_cut(b, done, U), length) - done)
            done += written.cuts[-1]
        expected.append(written)
    return expected


SHAPES: dict[str, dict[str, Any]] = {
    "one layer": {"layers": 1},
    "two layers": {"layers": 2, "head_layers": 2},
    "two layers, embedded": {"layers": 2, "embedding": 18, "head_layers": 1},
    "tied": {"layers": 1, "embedding": 37, "tie": True, "head_layers": 1},
    "tied, projected": {"layers": 1, "embedding": 18, "tie": True},
    "in clusters": {"layers": 1, "cutoffs": (7, 20, 40)},
    "deep": {"layers": 5, "embedding": 18, "tie": True, "head_layers": 3},
    "tied, in clusters": {"layers": 1, "embedding": 18, "tie": True, "cutoffs": (4,)},
}
THREADS = (1, 2, 3, 5)


@pytest.mark.parametrize("B", [1, 33])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_tokens_of_the_longhand_loop(cell, shape, B):
    task = task_of(B, cell=cell, **SHAPES[shape])
    expected = expected_of(task)
    for threads in THREADS:
        assert write_all(task, threads=threads) == expected


def test_wider_than_what_products_take_at_a_time():
    task = task_of(13, hidden=520, layers=1)
    expected = expected_of(task)
    for threads in THREADS:
        assert write_all(task, threads=threads) == expected


@pytest.mark.parametrize("U", [1, 2, 7])
def test_runs_go_on_where_the_one_before_was_cut(U):
    task = task_of(33, length=25, layers=1)
    expected = expected_of(task, U)
    assert len({len(written.ids) for written in expected}) > 5, "many are ended by <eos>"
    for threads in (1, 3):
        assert write_all(task, U, threads) == expected
    assert [written.ids for written in expected] == [written.ids for written in write_all(task)]


def test_a_run_ends_with_the_first_sequence_that_does():
    task = task_of(9, layers=1, filters=OFF)
    ids, log_probabilities, _ = longhand(task)
    last = int(np.flatnonzero((ids == EOS).any(axis=0))[0])
    assert 0 < last < 19
    writer = Writer(task, 40)
    streams = writer.streams
    writer.write(Team(1))
    np.testing.assert_array_equal(streams.counts, last + 1)
    np.testing.assert_array_equal(streams.ended, ids[:, last] == EOS)
    np.testing.assert_array_equal(streams.ids[:, : last + 1], ids[:, : last + 1])
    np.testing.assert_array_equal(streams.log_probabilities[:, : last + 1], log_probabilities[:, : last + 1])
    assert not streams.ids[:, last + 1 :].any()


def test_a_row_without_a_limit_is_left_alone():
    task, idle = task_of(9, layers=1), [0, 4, 8]
    writer = Writer(task, 40)
    streams = writer.streams
    streams.limits[idle], streams.counts[idle] = 0, 0
    streams.ids[idle], streams.log_probabilities[idle], writer.steps.inputs[idle] = -7, -0.5, -1
    with Team(2) as team:
        writer.write(team)
    assert (streams.ids[idle] == -7).all()
    assert (streams.log_probabilities[idle] == -0.5).all()
    assert (writer.steps.inputs[idle] == -1).all()
    assert not streams.counts[idle].any()
    assert not streams.ended[idle].any()
    ids, _, _ = longhand(task)
    for b in set(range(9)) - set(idle):
        assert streams.counts[b] > 0
        np.testing.assert_array_equal(streams.ids[b, : streams.counts[b]], ids[b, : streams.counts[b]])


@pytest.mark.parametrize("shape", ["one layer", "in clusters"])
def test_what_is_added_to_the_logits_moves_the_draw_but_not_the_probability_that_is_told(shape):
    """The first token of each row; drawn by the longhand from changed logits, its probability that of the network's."""
    task = task_of(33, filters=OFF._replace(temperature=0.7, excluded=2), **SHAPES[shape])
    _, _, logits = longhand(task)
    first = np.ascontiguousarray(logits[:, 0])
    changes = np.random.default_rng(4).normal(0, 3, first.shape).astype(first.dtype)
    changes[:, 5:9] = -np.inf
    expected, unused = np.empty(33, np.int32), np.empty(33)
    draw(first + changes, task.numbers[:, 0].copy(), task.filters, space(V), expected, unused, 0, 33)
    for threads in (1, 3):
        writer = Writer(task, 1)
        drawn = draws(task.filters, writer.steps, threads, is_changed=True)
        drawn.changes[:] = changes
        places = crews(threads)
        with Team(threads) as team:
            team.run(partial(write_part, writer, drawn, places))
        np.testing.assert_array_equal(writer.streams.ids[:, 0], expected)
        whole = first.astype(float) - np.logaddexp.reduce(first.astype(float), axis=1, keepdims=True)
        told = whole[np.arange(33), expected]
        np.testing.assert_allclose(writer.streams.log_probabilities[:, 0], told, atol=1e-12)


def write_part(writer, drawn, places, part):
    write(writer.steps, writer.streams, drawn, EOS, places[part])


@pytest.mark.parametrize("excluded", [NONE, 11])
def test_greedy_takes_the_most_probable(excluded):
    task = task_of(33, cell="rnn", layers=1, filters=OFF._replace(excluded=excluded))
    task.numbers[:, 1:] = -1
    ids, _, logits = longhand(task)
    if excluded != NONE:
        assert (logits.argmax(axis=2) == excluded).any()
        logits[:, :, excluded] = -np.inf
    np.testing.assert_array_equal(ids[:, 1:], logits[:, 1:].argmax(axis=2))
    assert len(np.unique(ids[:, 1:])) > 5
    for threads in (1, 3):
        assert write_all(task, threads=threads) == expected_of(task)


def test_an_abandoned_crew_writes_no_more():
    writer = Writer(task_of(3), 20)
    places, drawn = crews(2), draws(OFF, writer.steps, 2)
    abandon(places[0])
    write(writer.steps, writer.streams, drawn, EOS, places[1])  # the other one never comes
    assert not writer.streams.counts.any()
