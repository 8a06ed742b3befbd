"""Naive twins of the cells and of the whole network: one row, one step, one number at a time, in Python floats.

Written from the design's equations alone; nothing of `textgen` is imported. Columns of a layer's matrices come in
blocks of H, one a gate, in the order of GATES.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from tests.core.clustered import log_probabilities

Vector = list[float]
Gate = tuple[list[Vector], list[Vector], Vector]  # from the input (I, H), from the state (H, H), bias (H,)
Gates = Mapping[str, Gate]
State = tuple[Vector, ...]
Dropped = Callable[[int, Vector], Vector]

GATES = {
    "rnn": ("a",),
    "gru-simple": ("u", "c"),
    "gru": ("u", "r", "c"),
    "lstm": ("u", "f", "o", "c"),
    "lstm-linear": ("u", "f", "o", "c"),
    "lstm-peephole": ("u", "f", "o", "c"),
}
RECURRENT = {"gru": (("u", "r"), ("c",))}  # which gates each recurrent matrix holds; elsewhere one holds them all
STATES = {"lstm": 2, "lstm-linear": 2, "lstm-peephole": 2}  # a and c; elsewhere one


def logistic(x: float) -> float:
    """1 / (1 + e ** -x)."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def affine(weight: Sequence[Sequence[float]], x: Sequence[float], bias: Sequence[float]) -> Vector:
    """The vector x W + b, for W (len(x), len(b))."""
    return [bias[j] + sum(x[i] * weight[i][j] for i in range(len(x))) for j in range(len(bias))]


def gate_input(gate: Gate, x: Vector, previous: Vector) -> Vector:
    """W [previous, x] + b of one gate."""
    from_input, from_state, bias = gate
    return affine(from_state, previous, affine(from_input, x, bias))


def rnn(gates: Gates, peephole: list[Vector], x: Vector, state: State) -> State:
    """The simple cell: a = tanh(Wa [a', x])."""
    return ([math.tanh(v) for v in gate_input(gates["a"], x, state[0])],)


def _mixed(u: Vector, candidate: Vector, previous: Vector) -> Vector:
    return [u[j] * candidate[j] + (1 - u[j]) * previous[j] for j in range(len(u))]


def gru_simple(gates: Gates, peephole: list[Vector], x: Vector, state: State) -> State:
    """Without reset: c~ = tanh(Wc [c', x]); u = sigma(Wu [c', x]); c = u * c~ + (1 - u) * c'."""
    previous = state[0]
    candidate = [math.tanh(v) for v in gate_input(gates["c"], x, previous)]
    u = [logistic(v) for v in gate_input(gates["u"], x, previous)]
    return (_mixed(u, candidate, previous),)


def gru(gates: Gates, peephole: list[Vector], x: Vector, state: State) -> State:
    """As `gru_simple`, with r = sigma(Wr [c', x]) and c~ = tanh(Wc [r * c', x]): reset before the product."""
    previous = state[0]
    r = [logistic(v) for v in gate_input(gates["r"], x, previous)]
    kept = [r[j] * previous[j] for j in range(len(r))]
    candidate = [math.tanh(v) for v in gate_input(gates["c"], x, kept)]
    u = [logistic(v) for v in gate_input(gates["u"], x, previous)]
    return (_mixed(u, candidate, previous),)


def _lstm(gates: Gates, peephole: list[Vector], x: Vector, state: State, squash: Callable[[float], float]) -> State:
    a, c = state
    H = len(a)
    opened = {}
    for i, name in enumerate(("u", "f", "o")):
        before = gate_input(gates[name], x, a)
        if peephole:
            before = [before[j] + peephole[i][j] * c[j] for j in range(H)]
        opened[name] = [logistic(v) for v in before]
    candidate = [math.tanh(v) for v in gate_input(gates["c"], x, a)]
    memory = [opened["u"][j] * candidate[j] + opened["f"][j] * c[j] for j in range(H)]
    return [opened["o"][j] * squash(memory[j]) for j in range(H)], memory


def lstm(gates: Gates, peephole: list[Vector], x: Vector, state: State) -> State:
    """With tanh twice: c~ = tanh(Wc [a', x]); u, f, o = sigma(W. [a', x]); c = u * c~ + f * c'; a = o * tanh(c)."""
    return _lstm(gates, [], x, state, math.tanh)


def lstm_linear(gates: Gates, peephole: list[Vector], x: Vector, state: State) -> State:
    """As `lstm`, with a = o * c."""
    return _lstm(gates, [], x, state, lambda memory: memory)


def lstm_peephole(gates: Gates, peephole: list[Vector], x: Vector, state: State) -> State:
    """As `lstm`, but u, f, o also see the previous memory through one weight per unit: rows u, f, o of `peephole`."""
    return _lstm(gates, peephole, x, state, math.tanh)


Twin = Callable[[Gates, list[Vector], Vector, State], State]
TWINS: dict[str, Twin] = {
    "rnn": rnn,
    "gru-simple": gru_simple,
    "gru": gru,
    "lstm": lstm,
    "lstm-linear": lstm_linear,
    "lstm-peephole": lstm_peephole,
}


def split_gates(cell: str, parameters: Mapping[str, np.ndarray], layer: int) -> dict[str, Gate]:
    """The matrices and the bias of each gate of a layer, cut out of the named parameters."""
    bias = parameters[f"layer{layer}.bias"]
    H = bias.size // len(GATES[cell])
    recurrent: dict[str, list[Vector]] = {}
    for i, names in enumerate(RECURRENT.get(cell, (GATES[cell],))):
        matrix = parameters[f"layer{layer}.recurrent{i}"]
        recurrent |= {name: matrix[:, k * H : (k + 1) * H].tolist() for k, name in enumerate(names)}
    gates = {}
    for k, name in enumerate(GATES[cell]):
        columns = slice(k * H, (k + 1) * H)
        from_input = parameters[f"layer{layer}.input"][:, columns].tolist()
        gates[name] = (from_input, recurrent[name], bias[columns].tolist())
    return gates


def cross_entropy(logits: Sequence[float], target: int) -> float:
    """-log softmax(logits)[target] in nats."""
    largest = max(logits)
    return math.log(math.fsum(math.exp(v - largest) for v in logits)) - (logits[target] - largest)


def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """Philox4x32-10 (Salmon et al. 2011): four random words of 32 bits, for a counter of four and a key of two."""
    (a, b, c, d), (k, m), low = counter, key, 2**32 - 1
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (right >> 32) ^ b ^ k, right & low, (left >> 32) ^ d ^ m, left & low
        k, m = (k + 0x9E3779B9) & low, (m + 0xBB67AE85) & low
    return [a, b, c, d]


def keep_all(place: int, x: Vector) -> Vector:
    """No dropout."""
    return x


@dataclass(frozen=True)
class TwinDropout:
    """Dropout in one training step: units of the layers, and whole words, which are place 0."""

    units: float
    words: float
    each_step: bool
    seed: int
    step: int

    def mask(self, place: int, t: int, b: int, numbers: Sequence[int], columns: int) -> Vector:
        """The first `columns` entries of: word 0 for each of `numbers`, then word 1 for each, 2 and 3."""
        rate = self.units if place else self.words
        key = [int(word) for word in np.random.SeedSequence((self.seed, place)).generate_state(2)]
        words = [philox([n, t if self.each_step else 0, b, self.step], key) for n in numbers]
        kept = [block[k] >= round(rate * 2**32) for k in range(4) for block in words]
        return [1 / (1 - rate) if keep else 0.0 for keep in kept[:columns]]

    def at(self, t: int, b: int, idx: int, is_start: bool = False) -> Dropped:
        """What is dropped at a time step in a row, where the token `idx` is the input; at a start that never is."""

        def dropped(place: int, x: Vector) -> Vector:
            if place == 0 and is_start:
                return x
            numbers = range(-(-len(x) // 4)) if place else [idx % 2**32]
            return [value * scale for value, scale in zip(x, self.mask(place, t, b, numbers, len(x)), strict=True)]

        return dropped


class TwinNetwork:
    """The network of a row: embedding or one-hot, recurrent layers, tanh head layers, softmax.

    Tied, the output layer's matrix is the embedding (V, D), transposed; the input is then the square root of D times
    the embedding, and the top layer is projected to its size, where it has another.
    cutoffs : of the clusters of an adaptive softmax; their columns come first, in a tied embedding their rows.
    """

    def __init__(
        self,
        cell: str,
        layers: int,
        head_layers: int,
        parameters: Mapping[str, np.ndarray],
        cutoffs: Sequence[int] = (),
    ) -> None:
        self.step, self.cutoffs = TWINS[cell], cutoffs
        self.gates = [split_gates(cell, parameters, layer) for layer in range(layers)]
        none = np.zeros((0, 0))
        self.peepholes = [parameters.get(f"layer{layer}.peephole", none).tolist() for layer in range(layers)]
        self.embedding = parameters["embedding"].tolist() if "embedding" in parameters else None
        self.inputs = len(self.gates[0][GATES[cell][0]][0])  # I of the first layer
        names = [f"head{i}" for i in range(head_layers)]
        self.head = [(parameters[f"{n}.weight"].tolist(), parameters[f"{n}.bias"].tolist()) for n in names]
        is_tied = "output.weight" not in parameters
        weight = parameters["embedding"].T if is_tied else parameters["output.weight"]
        self.output = weight.tolist(), parameters["output.bias"].tolist()
        self.first_row = len(cutoffs) if is_tied else 0
        self.scale = math.sqrt(len(self.embedding[0])) if is_tied and self.embedding else 1.0
        projection = parameters.get("output.projection")
        self.projection = None if projection is None else projection.tolist()

    def look_up(self, idx: int) -> Vector:
        """The input vector of a token: the zero vector where the id is negative."""
        if idx < 0:
            return [0.0] * self.inputs
        if self.embedding is None:
            return [1.0 if i == idx else 0.0 for i in range(self.inputs)]
        return [self.scale * value for value in self.embedding[self.first_row + idx]]

    def advance(self, idx: int, states: list[State], dropped: Dropped = keep_all) -> tuple[list[State], Vector]:
        """One step of one row: the layers' states after it, and the logits of all ids.

        dropped : a layer's output by its number.
        Number 0 is the input itself, of one entry; the layers follow from 1, the embedding, if there is one, first.
        """
        scale, after, places = dropped(0, [1.0])[0], [], count(1)
        x = [scale * value for value in self.look_up(idx)]
        if self.embedding is not None:
            x = dropped(next(places), x)
        for layer, state in enumerate(states):
            after.append(self.step(self.gates[layer], self.peepholes[layer], x, state))
            x = dropped(next(places), after[-1][0])
        for weight, bias in self.head:
            x = dropped(next(places), [math.tanh(v) for v in affine(weight, x, bias)])
        if self.projection is not None:
            x = affine(self.projection, x, [0.0] * len(self.projection[0]))
        logits = affine(self.output[0], x, self.output[1])
        return after, log_probabilities(logits, self.cutoffs) if self.cutoffs else logits

    def run(
        self,
        inputs: np.ndarray,
        starts: np.ndarray,
        targets: np.ndarray,
        states: Sequence[np.ndarray],
        dropout: TwinDropout | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Losses (T, B) in nats, 0 where the target is negative, and the layers' last states, each (S, B, H).

        inputs, targets : (T, B) ids. starts : (T, B); there the states are zero before the step. states : before the
        window, each (S, B, H).
        """
        T, B = inputs.shape
        losses = np.zeros((T, B))
        last = [np.array(state, np.float64) for state in states]
        for b in range(B):
            row: list[State] = [tuple(state[:, b].tolist()) for state in last]
            for t in range(T):
                if starts[t, b]:
                    row = [tuple([0.0] * len(vector) for vector in state) for state in row]
                idx = int(inputs[t, b])
                dropped = keep_all if dropout is None else dropout.at(t, b, idx, bool(starts[t, b]))
                row, logits = self.advance(idx, row, dropped)
                if targets[t, b] >= 0:
                    losses[t, b] = cross_entropy(logits, int(targets[t, b]))
            for layer, state in enumerate(row):
                last[layer][:, b] = state
        return losses, last
