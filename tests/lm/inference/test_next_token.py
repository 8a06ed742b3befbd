"""The next token's log-probabilities, read token by token: against the naive twin, and alone as among others."""

import numpy as np
import pytest

from tests.lm.tiny import next_probabilities, random_model
from textgen.core.cells import CELLS
from textgen.core.runtime.threads import Team
from textgen.lm.inference.next_token import NextToken, at_temperature

NETWORKS = [
    *({"cell": cell} for cell in CELLS),
    {"cell": "lstm", "layers": 3},
    {"cell": "gru", "embedding": 3, "head_layers": 2},
    {"cell": "lstm", "embedding": 3, "tie": True},
    {"cell": "rnn", "cutoffs": (2, 4)},
    {"cell": "rnn", "embedding": 3, "tie": True, "cutoffs": (3,)},
]


def read(model, ids, threads=1):
    """The log-probabilities after `ids`, (V,), and the states after them."""
    with Team(threads) as team:
        next_token = NextToken(model, team)
        last, states = next_token.begin(ids)
        after, states = next_token.advance(np.array([last], np.int32), states)
    return after[0], states


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("carry", [False, True])
def test_against_the_naive_twin(network, carry):
    model = random_model("abc", seed=4, text={"carry": carry}, **network)
    for ids in ([], [2], [3, 0, 2, 4, 4, 2]):
        found, _ = read(model, ids)
        np.testing.assert_allclose(found, np.log(next_probabilities(model, ids)), atol=1e-5)
        assert np.exp(found).sum() == pytest.approx(1, abs=1e-12)


def test_a_long_beginning_is_read_in_pieces():
    """Of 256 tokens; each border is tried from both sides."""
    model = random_model("abc", seed=1, cell="gru", layers=2)
    ids = np.random.default_rng(0).integers(2, 5, 514).tolist()
    for length in (255, 256, 257, 258, 512, 513, 514):
        found, _ = read(model, ids[:length])
        np.testing.assert_allclose(found, np.log(next_probabilities(model, ids[:length])), atol=1e-5)


@pytest.mark.parametrize("cutoffs", [(), (3, 5)])
def test_a_row_is_the_same_alone_and_among_others(cutoffs):
    """Bit for bit, wherever it stands and with any number of threads; so are the states that come back."""
    model = random_model("abcd", seed=2, layers=2, cutoffs=cutoffs)
    beginnings = [[], [2], [3, 4, 5, 2, 2, 3], [5, 5]]
    alone = [read(model, ids) for ids in beginnings]
    for threads in (1, 3):
        with Team(threads) as team:
            next_token = NextToken(model, team)
            begun = [next_token.begin(ids) for ids in beginnings]
            inputs = np.array([last for last, _ in begun] * 5, np.int32)
            states = [np.concatenate(layer * 5, axis=1) for layer in zip(*(state for _, state in begun), strict=True)]
            after, states = next_token.advance(inputs, states)
            for row in range(len(inputs)):
                expected, expected_states = alone[row % len(beginnings)]
                assert after[row].tobytes() == expected.tobytes()
                for layer, expected_layer in zip(states, expected_states, strict=True):
                    assert layer[:, row].tobytes() == expected_layer[:, 0].tobytes()


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1, 2, 30])
def test_temperature_divides_the_logits(temperature):
    logits = np.random.default_rng(3).normal(size=(4, 9)) * 5
    softmax = np.exp(logits / temperature)
    softmax /= softmax.sum(axis=1, keepdims=True)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(np.exp(at_temperature(shifted, temperature)), softmax, rtol=1e-10)


def test_temperatures_without_measure():
    logs = np.log(np.array([0.5, 0.3, 0.2]))
    np.testing.assert_array_equal(at_temperature(logs, 5e-324), [0, -np.inf, -np.inf])
    np.testing.assert_allclose(np.exp(at_temperature(logs, 1e300)), 1 / 3)
