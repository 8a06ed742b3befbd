"""Writing: a whole network and the draw in one kernel, token after token, without Python in between.

A token of a small network takes some microseconds, less than the calls that a step of its layers takes from Python. The
threads share the columns of each product, so that one sequence, too, uses them all, and meet after each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from textgen.core.kernels.activations import apply_tanh
from textgen.core.kernels.clusters import join_clusters
from textgen.core.kernels.draw import Filters, Space, log_softmax_of
from textgen.core.kernels.lookup import look_up
from textgen.core.products.product import Packed, multiply_together
from textgen.core.runtime.crew import is_abandoned, meet, share_of
from textgen.core.runtime.jit import inlined, kernel
from textgen.core.runtime.linking import Compiled, call
from textgen.core.runtime.series import Series, count_of, item_of


class Multiplication(NamedTuple):
    """y = base + x @ W, all for one step: x (1, B, K); base, y (1, B, N). K = 0: there is nothing to do.

    is_squashed : whether tanh follows.
    """

    x: np.ndarray
    weight: Packed
    base: np.ndarray
    y: np.ndarray
    is_squashed: bool


class Step(NamedTuple):
    """A recurrent layer; the arguments of its cell's `forward` under their names there."""

    input: Multiplication
    states: np.ndarray
    sources: np.ndarray
    starts: np.ndarray
    weights: tuple[Packed, ...]
    peephole: np.ndarray
    forward: Compiled


class Steps(NamedTuple):
    """What a network does for one token of each of B rows.

    inputs : (B,) int32, the token before; negative: the zero vector. table : (V, N), of which rows are looked up,
    multiplied by scale, and bias : (N,) added, to give looked_up : (1, B, N).
    recurrent : a `Step` a layer. affine : a `Multiplication` for each head layer, the projection, if there is one, and
    the output layer, whose y : (1, B, K + V) are the logits. cutoffs : (K,) int64, of its clusters, as
    core/kernels/clusters.py has them; K = 0: the softmax is full.
    """

    inputs: np.ndarray
    scale: np.floating
    table: np.ndarray
    bias: np.ndarray
    looked_up: np.ndarray
    recurrent: Series
    affine: Series
    cutoffs: np.ndarray


class Streams(NamedTuple):
    """The B sequences that are written, and what is drawn for each of them in one run of at most U tokens.

    numbers : (B, U) float64, the uniform number of each draw, as `draw` takes it. limits : (B,) int64, how many of them
    to use; 0: nothing is written in this row. counts : (B,) int64, how many were. ids : (B, U) int32, what was drawn.
    log_probabilities : (B, U) float64, nats, of each of them. ended : (B,) bool, where <eos> or the limit was reached.
    """

    numbers: np.ndarray
    limits: np.ndarray
    counts: np.ndarray
    ids: np.ndarray
    log_probabilities: np.ndarray
    ended: np.ndarray


class Draws(NamedTuple):
    """The draws of one step, with the arguments of `draw` under their names there.

    uniforms, ids, log_probabilities : (B,). weights, candidates : (parts, V), the space of each of the crew.
    joint : (B, V), the logits where the network's own are in clusters; (0, V) where they are not. changes :
    (B, V), what is added to the logits before a token is drawn, and changed : (B, V), their sum; (0, V): nothing is.
    """

    draw: Compiled
    filters: Filters
    uniforms: np.ndarray
    ids: np.ndarray
    log_probabilities: np.ndarray
    weights: np.ndarray
    candidates: np.ndarray
    joint: np.ndarray
    changes: np.ndarray
    changed: np.ndarray


def streams(B: int, U: int) -> Streams:
    """Arrays for B sequences, none of them begun."""
    counts, flags = np.zeros((2, B), np.int64), np.zeros(B, np.bool_)
    ids, log_probabilities = np.zeros((B, U), np.int32), np.zeros((B, U))
    return Streams(np.zeros((B, U)), counts[0], counts[1], ids, log_probabilities, flags)


@inlined
def _advance(layer, ended, first, last, crew):
    """A step of a recurrent layer; then its state is the one before the next step, but where a sequence has ended."""
    if layer.input.x.shape[2] > 0:
        multiply_together(layer.input.x, layer.input.weight, layer.input.base, layer.input.y, crew)
    gates, states = layer.input.y, layer.states
    B = gates.shape[1]
    call(layer.forward, (gates, states, layer.sources, layer.starts, layer.weights, layer.peephole, 0, B, crew))
    for s in range(states.shape[0]):
        for b in range(first, last):
            before, after = states[s, 0, b], states[s, 1, b]
            if not ended[b]:
                for j in range(after.size):
                    before[j] = after[j]


@inlined
def _draw(draws, logits, cutoffs, streams, first, last, crew):
    """Draw for the rows first:last."""
    if cutoffs.size > 0:
        for b in range(first, last):
            join_clusters(logits[b], cutoffs, draws.joint[b])
        logits = draws.joint
    for b in range(first, last):
        if streams.counts[b] < streams.limits[b]:
            draws.uniforms[b] = streams.numbers[b, streams.counts[b]]
    is_changed = draws.changes.shape[0] > 0
    for b in range(first, last if is_changed else first):
        for j in range(logits.shape[1]):
            draws.changed[b, j] = logits[b, j] + draws.changes[b, j]
    drawn_from = draws.changed if is_changed else logits
    space = Space(draws.weights[crew.part], draws.candidates[crew.part])
    arguments = (drawn_from, draws.uniforms, draws.filters, space, draws.ids, draws.log_probabilities, first, last)
    call(draws.draw, arguments)
    for b in range(first, last if is_changed else first):
        draws.log_probabilities[b] = log_softmax_of(logits[b], draws.ids[b], space.weights)


@inlined
def _record(streams, draws, inputs, eos, first, last):
    """What was drawn for the rows first:last becomes part of their sequences and the next step's input."""
    for b in range(first, last):
        count = streams.counts[b]
        if count < streams.limits[b] and not streams.ended[b]:
            inputs[b] = streams.ids[b, count] = draws.ids[b]
            streams.counts[b] = count + 1
            streams.log_probabilities[b, count] = draws.log_probabilities[b]
            streams.ended[b] = draws.ids[b] == eos or count + 1 == streams.limits[b]


@inlined
def _goes_on(streams):
    """Whether fewer than an eighth of the sequences have ended, and something is still to be written."""
    begun, ended = 0, 0
    for b in range(streams.limits.size):
        begun += streams.limits[b] > 0
        ended += streams.ended[b]
    return begun > 0 and ended < max(1, begun // 8)


@kernel
def write(steps, streams, draws, eos, crew):
    """Draw tokens for all rows that have begun, until some have ended or reached their limit. Run by all of the crew.

    "Some" is an eighth of them, or one: to begin another in its place costs as much as some tokens of all rows.
    """
    first, last = share_of(0, steps.inputs.size, crew)
    while _goes_on(streams) and not is_abandoned(crew):
        for b in range(first, last):
            look_up(steps.inputs[b], steps.scale, steps.table, steps.bias, steps.looked_up[0, b])
        for number in range(count_of(steps.recurrent)):
            _advance(item_of(steps.recurrent, number), streams.ended, first, last, crew)
        y = steps.looked_up
        for number in range(count_of(steps.affine)):
            affine = item_of(steps.affine, number)
            multiply_together(affine.x, affine.weight, affine.base, affine.y, crew)
            y = affine.y
            for b in range(first, last if affine.is_squashed else first):
                apply_tanh(y[0, b])
        _draw(draws, y[0], steps.cutoffs, streams, first, last, crew)
        _record(streams, draws, steps.inputs, eos, first, last)
        meet(crew)
