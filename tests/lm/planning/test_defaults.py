"""What is chosen for a text where nothing is asked for."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from textgen.checks import CHOSEN
from textgen.errors import ConfigError
from textgen.lm.config.sizes import SIZES, Size
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning import defaults
from textgen.lm.planning.defaults import TextSize, explain, seconds_per_token, settle
from textgen.nn.config import NetworkConfig
from textgen.nn.network import Network

ANYTHING = NetworkConfig(), TrainingConfig()  # all is left to the text
CHARACTERS = [TextSize(tokens, tokens, 65) for tokens in (1, 20, 900, 3_000, 90_000, 400_000, 10**6, 10**7, 10**9)]
WORDS = [
    TextSize(tokens, 5 * tokens, V) for tokens, V in ((200, 150), (20_000, 1200), (250_000, 7000), (10**8, 50_000))
]


@pytest.mark.parametrize("text", CHARACTERS + WORDS)
def test_everything_is_settled(text):
    network, training = settle(text, *ANYTHING)
    assert None not in (network.hidden, network.layers, network.embedding)
    assert training.size in SIZES
    assert None not in (
        training.batch,
        training.bptt,
        training.lr,
        training.dropout,
        training.word_dropout,
        training.average,
        training.warmup,
    )
    assert [training.epochs, training.steps, training.seconds].count(None) == 2
    assert settle(text, network, training) == (network, training), "what is settled stays so"


@pytest.mark.parametrize("text", CHARACTERS + WORDS)
def test_the_time_it_takes(text):
    """Minutes at most, but where one pass takes longer; by the forecast of the speed."""
    network, training = settle(text, *ANYTHING)
    epochs = training.epochs or 0
    seconds = epochs * text.tokens * seconds_per_token(text, network, training)
    if epochs > 1:
        limit = 300 if text.characters <= 1_100_000 else 1000
        assert seconds < limit
    if text.characters <= 150_000:
        assert seconds < 120
    if text.characters <= 3000:
        assert seconds < 15


def test_longer_texts_have_larger_networks_fewer_epochs_and_less_dropout():
    settled = [settle(text, *ANYTHING) for text in CHARACTERS]
    assert all(one.hidden * one.layers <= two.hidden * two.layers for (one, _), (two, _) in pairwise(settled))
    dropouts, epochs = ([getattr(training, name) for _, training in settled] for name in ("dropout", "epochs"))
    assert dropouts == sorted(dropouts, reverse=True)
    assert epochs == sorted(epochs, reverse=True)
    assert (dropouts[0], dropouts[-1], epochs[-1]) == (0.5, 0.0, 1)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"hidden": 100}, (100, 2)),
        ({"layers": 3}, (64, 3)),
        ({"hidden": 100, "layers": 3}, (100, 3)),
        ({}, (64, 2)),
    ],
)
def test_single_values_go_before_the_size(monkeypatch, asked, expected):
    monkeypatch.setitem(SIZES, "medium", Size((64, 2), (96, 1), 10))
    network, training = settle(TextSize(10**6, 10**6, 65), NetworkConfig(**asked), TrainingConfig(size="medium"))
    assert (network.hidden, network.layers) == expected
    assert training.size == "medium"


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_taken_whatever_the_text(size):
    for text, shape in (
        (TextSize(100, 100, 65), SIZES[size].characters),
        (TextSize(100, 500, 5000), SIZES[size].words),
    ):
        network, _ = settle(text, NetworkConfig(), TrainingConfig(size=size))
        assert (network.hidden, network.layers) == shape


def test_sizes_rise():
    """Texts of some length get each of them, and the first has no condition."""
    rows = [*SIZES.values()]
    assert rows[0].least_tokens == 0
    for one, next_one in pairwise(rows):
        assert one.least_tokens < next_one.least_tokens
        assert math.prod(one.characters) < math.prod(next_one.characters)
        assert math.prod(one.words) < math.prod(next_one.words)


def test_an_unknown_size():
    with pytest.raises(ConfigError, match=r"unknown --size 'huge'; choose from small, medium, large"):
        TrainingConfig(size="huge")


def test_a_network_that_was_asked_for_has_no_size():
    for asked in (NetworkConfig(hidden=8, layers=1), NetworkConfig(hidden=8)):
        network, training = settle(TextSize(10**6, 10**6, 65), asked, TrainingConfig())
        assert (network.hidden, training.size) == (8, None)


def test_all_that_was_asked_for_stays():
    network = NetworkConfig(hidden=7, layers=3, embedding=5, tie=False)
    training = TrainingConfig(
        size="small", steps=9, batch=4, bptt=8, lr=0.1, dropout=0.0, word_dropout=0.0, average=True, warmup=2
    )
    text = TextSize(10**6, 10**6, 65)
    assert settle(text, network, training) == (network, training)
    assert explain(text, training, (network, training)) == ""


@pytest.mark.parametrize(("V", "hidden", "embedding"), [(10, 300, 0), (512, 300, 0), (513, 300, 256), (513, 100, 100)])
def test_the_input_of_a_small_vocabulary_is_one_hot_and_else_embedded(V, hidden, embedding):
    text = TextSize(10**5, 10**6, V)
    assert settle(text, NetworkConfig(hidden=hidden), TrainingConfig())[0].embedding == embedding
    for asked in (0, 7):
        assert settle(text, NetworkConfig(hidden=hidden, embedding=asked), TrainingConfig())[0].embedding == asked


@pytest.mark.parametrize(
    ("V", "asked", "tie"),
    [
        (512, {}, False),
        (512, {"embedding": 9}, False),
        (512, {"tie": True}, True),
        (513, {}, True),
        (513, {"embedding": 0}, False),
        (513, {"tie": False}, False),
    ],
)
def test_words_have_their_output_tied_to_the_embedding(V, asked, tie):
    network, training = settle(TextSize(10**6, 10**6, V), NetworkConfig(**asked), TrainingConfig())
    assert network.tie is tie
    assert (training.batch, training.bptt) == ((20, 35) if network.embedding else (32, 64))


def test_more_time_is_more_dropout_and_at_last_a_larger_network():
    text = TextSize(10**6, 10**6, 65)
    settled = [settle(text, NetworkConfig(), TrainingConfig(seconds=60.0 * minutes)) for minutes in (1, 3, 15)]
    assert [training.seconds for _, training in settled] == [60, 180, 900]
    assert {training.epochs for _, training in settled} == {None}
    assert [*{training.size: 0 for _, training in settled}] == ["small", "medium", "large"]
    longer = [
        settle(text, NetworkConfig(hidden=256, layers=1), TrainingConfig(seconds=60.0 * minutes))[1].dropout
        for minutes in (0.3, 0.6, 5)
    ]
    assert 0 < longer[0] < longer[1] < longer[2]


@pytest.mark.parametrize(("tokens", "size"), [(10**6, "large"), (10**7, "medium")])
def test_a_text_that_would_be_learnt_by_heart_has_a_larger_network(tokens, size):
    """In the same time: the larger one sees as many tokens of either text, but so does a smaller one."""
    settled = settle(TextSize(tokens, tokens, 65), NetworkConfig(), TrainingConfig(seconds=900.0))
    assert settled[1].size == size


@pytest.mark.parametrize(
    ("length", "dropout"),
    [({"epochs": 1}, 0.0), ({"epochs": 2}, 0.2), ({"epochs": 3}, 0.3), ({"epochs": 99}, 0.5), ({"steps": 2000}, 0.4)],
)
def test_dropout_follows_the_passes_that_are_asked_for(length, dropout):
    text = TextSize(1_024_000, 1_024_000, 65)  # 500 steps
    assert settle(text, NetworkConfig(), TrainingConfig(**length))[1].dropout == dropout


@pytest.mark.parametrize(
    ("epochs", "V", "average", "dropped"), [(19, 65, False, 0), (20, 65, True, 0.05), (20, 9000, True, 0)]
)
def test_what_is_read_often_is_averaged_and_loses_characters(epochs, V, average, dropped):
    training = settle(TextSize(10**5, 10**5, V), NetworkConfig(), TrainingConfig(epochs=epochs))[1]
    assert (training.average, training.word_dropout) == (average, dropped)


def test_words_need_less_dropout():
    text = TextSize(10**6, 5 * 10**6, 9000)
    assert settle(text, NetworkConfig(), TrainingConfig(epochs=4))[1].dropout == 0.3


@pytest.mark.parametrize(("length", "warmup"), [({"steps": 9}, 1), ({"steps": 400}, 40), ({"epochs": 3}, 50)])
def test_the_warm_up_is_a_tenth_at_most(length, warmup):
    assert settle(TextSize(10**6, 10**6, 65), NetworkConfig(), TrainingConfig(**length))[1].warmup == warmup


def test_a_short_text_is_read_often_enough():
    _, training = settle(TextSize(2048, 2048, 65), *ANYTHING)
    assert training.epochs == 500, "of one step"


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(("embedding", "tie"), [(0, False), (24, False), (24, True), (16, True)])
def test_multiplied_weights_are_those_of_the_network(cell, embedding, tie):
    """All matrices but those in which a row is looked up."""
    config = NetworkConfig(cell=cell, hidden=16, layers=2, embedding=embedding, head_layers=1, tie=tie)
    parameters = Network(config, 100, 100).parameters
    looked_up = "" if tie else "embedding" if embedding else "layer0.input"
    matrices = [name for name in parameters.names() if parameters[name].ndim == 2 and name != looked_up]
    assert defaults._multiplied(config, 100) == sum(parameters[name].size for name in matrices)


SETTLED: dict[str, Any] = {"size": "medium", "epochs": 5, "batch": 32, "bptt": 64, "lr": 0.0085, "dropout": 0.2}


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (
            SETTLED,
            "size medium, dropout, learning rate and epochs: for 1.0 million characters to train on, some 4 minutes",
        ),
        ({"size", "dropout", "lr"}, "size medium, dropout and learning rate: "),
        ({"size", "epochs"}, "size medium and epochs: "),
        ({"size"}, "size medium: "),
        ({"epochs", "dropout"}, "dropout and epochs: "),
        ({"batch"}, ""),
    ],
)
def test_the_reason(left, expected):
    """One line, of what was left to the text alone."""
    text, network = TextSize(10**6, 10**6, 65), NetworkConfig(hidden=512, layers=1, embedding=0)
    asked = TrainingConfig(**{name: value for name, value in SETTLED.items() if name not in left})
    reason = explain(text, asked, (network, TrainingConfig(**SETTLED)))
    assert reason.startswith(expected)
    assert reason == "" or reason.endswith(" on two cores")


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        (TextSize(2, 1, 3), {"steps": 10}, "for 1 character to train on, a moment on two cores"),
        (TextSize(20, 20, 9), {"steps": 10}, "for 20 characters to train on, a moment on two cores"),
        (TextSize(10**5, 99_999, 65), {"epochs": 6}, "for 99,999 characters to train on, some 28 seconds on two cores"),
        (TextSize(10**6, 5 * 10**6, 65), {"seconds": 600}, "for 5.0 million characters to train on, some 10 minutes"),
    ],
)
def test_the_time_in_the_reason(text, length, expected):
    network = NetworkConfig(hidden=512, layers=1, embedding=0)
    training = TrainingConfig(**{**SETTLED, "epochs": None, **length})
    asked = replace(training, dropout=CHOSEN)
    assert explain(text, asked, (network, training)) == f"dropout: {expected}"


def test_there_is_an_embedding_to_tie():
    text = TextSize(10**6, 10**6, 65)
    assert settle(text, NetworkConfig(hidden=300, tie=True), TrainingConfig())[0].embedding == 256
    assert settle(text, NetworkConfig(hidden=300), TrainingConfig())[0].embedding == 0


def test_a_softmax_in_clusters_is_worth_more_epochs():
    """The time that is forecast is that of the columns which are computed."""
    few, all_of_them = (TextSize(10**6, 5 * 10**6, 33_000, logits) for logits in (2000.0, None))
    network = NetworkConfig(hidden=512, layers=1)
    more, fewer = (settle(text, network, TrainingConfig())[1].epochs or 0 for text in (few, all_of_them))
    assert more > 2 * fewer > 0


def test_words_are_learnt_at_a_lower_rate_and_so_are_large_networks():
    asked = (NetworkConfig(hidden=256), NetworkConfig(hidden=256, embedding=64), NetworkConfig(hidden=1024))
    text = TextSize(10**6, 10**6, 65)
    assert [settle(text, network, TrainingConfig())[1].lr for network in asked] == [0.012, 0.0035, 0.006]
