"""The plan of a training: sizes, length, memory, against what then happens."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.lm.tiny import vocabulary_of
from textgen.core.cells import CELLS
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import plan
from textgen.lm.training.loop import train
from textgen.nn.config import NetworkConfig
from textgen.nn.network import Network
from textgen.nn.parameters import declare
from textgen.text.corpus.corpus import Corpus, PackedText
from textgen.text.tokens.vocabulary import EOS_ID
from textgen.text.tokens.windows import stream_windows

ROOT = Path(__file__).parents[3]
SMALL = NetworkConfig(hidden=8, layers=1, embedding=0)


def corpus_of(tokens, vocabulary_size=10):
    """A corpus of one sequence of so many tokens."""
    ids = np.full(tokens, EOS_ID + 1, np.uint8)
    ids[-1] = EOS_ID
    vocabulary = vocabulary_of(chr(ord("a") + i) for i in range(vocabulary_size - 2))
    return Corpus(PackedText(ids, np.array([tokens])), None, vocabulary, "file", "", tokens)


def plan_for(tokens, network=SMALL, **training):
    return plan(corpus_of(tokens), network, TrainingConfig(**{"batch": 32, "bptt": 64, **training}))


def test_batch_and_bptt_are_kept_where_the_text_is_long_enough():
    the_plan = plan_for(32 * 64)
    assert (the_plan.batch, the_plan.bptt, the_plan.notes) == (32, 64, ())


@pytest.mark.parametrize(
    ("tokens", "batch", "bptt"),
    [(2047, 16, 64), (1000, 8, 64), (100, 1, 64), (64, 1, 64), (63, 1, 63), (21, 1, 21), (1, 1, 1)],
)
def test_batch_and_bptt_shrink_to_a_short_text_and_say_so(tokens, batch, bptt):
    the_plan = plan_for(tokens)
    assert (the_plan.batch, the_plan.bptt) == (batch, bptt)
    [note] = the_plan.notes
    assert f"only {tokens:,} tokens" in note
    assert f"{batch} rows of {bptt} steps instead of 32 of 64" in note


@pytest.mark.parametrize("length", [{"epochs": 7}, {"steps": 9}, {"seconds": 2.5}])
def test_the_length_that_was_asked_for(length):
    the_plan = plan_for(10_000, **length)
    nothing = {"epochs": None, "steps": None, "seconds": None}
    assert {name: getattr(the_plan, name) for name in nothing} == nothing | length


@pytest.mark.parametrize(
    ("tokens", "batch", "bptt"), [(2048, 32, 64), (2080, 32, 64), (4999, 8, 10), (7, 3, 2), (1, 1, 1)]
)
def test_steps_per_epoch_are_the_windows_of_the_stream(tokens, batch, bptt):
    the_plan = plan_for(tokens, batch=batch, bptt=bptt)
    windows = stream_windows(corpus_of(tokens).train.ids, the_plan.batch, the_plan.bptt, carry=False)
    assert the_plan.steps_per_epoch == len(list(windows))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", [{"layers": 1, "embedding": 0}, {"layers": 2, "embedding": 3, "head_layers": 2}])
def test_parameters_are_those_of_the_network(cell, shape):
    config = NetworkConfig(cell=cell, hidden=5, **shape)
    parameters = Network(config, 10, 10).parameters
    assert plan_for(100, config).parameters == sum(parameters[name].size for name in parameters.names())


def test_parameters_by_hand():
    """An LSTM of 4 gates: input 10 x 32, recurrent 8 x 32, bias 32; output 8 x 10, bias 10."""
    assert (
        plan_for(100, NetworkConfig(cell="lstm", hidden=8, layers=1, embedding=0)).parameters
        == 320 + 256 + 32 + 80 + 10
    )


def test_what_was_asked_for_is_kept_beside_what_fits():
    """So that the same can be asked for again."""
    the_plan = plan_for(1000)
    assert (the_plan.training.batch, the_plan.training.bptt) == (32, 64)
    assert (the_plan.batch, the_plan.bptt) == (8, 64)


def test_what_was_settled_is_settled():
    """A plan for what was planned is the same; only that nothing is left to be chosen."""
    first = plan(corpus_of(50_000), NetworkConfig(), TrainingConfig())
    assert first.reason.startswith("size small, ")
    assert None not in (first.network.hidden, first.network.layers, first.network.embedding)
    assert None not in (first.batch, first.bptt, first.epochs, first.training.lr, first.training.dropout)
    assert plan(corpus_of(50_000), first.network, first.training) == replace(first, reason="")


def test_a_window_that_was_left_to_a_short_text_is_not_remarked_upon():
    the_plan = plan(corpus_of(1000), SMALL, TrainingConfig())
    assert (the_plan.batch, the_plan.bptt, the_plan.notes) == (8, 64, ())


def test_more_threads_than_cpus_are_allowed_and_told(monkeypatch):
    monkeypatch.setattr("textgen.lm.planning.plan.available_cpus", lambda: 2)
    plans = [plan(corpus_of(50_000), SMALL, TrainingConfig(threads=threads)) for threads in (2, 3)]
    assert [each.threads for each in plans] == [2, 3]
    assert plans[0].notes == ()
    assert plans[1].notes == ("3 threads share the 2 CPUs that this process may use: no faster than --threads 2",)


def test_the_softmax_of_a_large_vocabulary_is_cut_and_said():
    training, large = TrainingConfig(), wide_corpus(12_000)
    chosen = plan(large, NetworkConfig(), training)
    K = len(chosen.network.cutoffs)
    assert (chosen.network.softmax, K > 0) == ("adaptive", True)
    assert declare(chosen.network, 12_000, 12_000)["embedding"].shape == (12_000 + K, 256)
    [note] = chosen.notes
    assert note == (
        f"adaptive softmax, since the vocabulary is large: a short list of {chosen.network.cutoffs[0]:,} tokens and"
        f" {K} clusters (--softmax full overrides)"
    )
    full = plan(large, NetworkConfig(softmax="full"), training)
    assert (full.network.softmax, full.network.cutoffs, full.notes) == ("full", (), ())
    assert chosen.memory_bytes < full.memory_bytes - 4 * 2048 * 12_000 / 2
    asked = plan(wide_corpus(100), NetworkConfig(softmax="adaptive"), training)
    assert (asked.network.softmax, asked.notes) == ("adaptive", ())


def test_a_vocabulary_that_cannot_be_cut():
    the_plan = plan(corpus_of(100, vocabulary_size=2), NetworkConfig(softmax="adaptive"), TrainingConfig(batch=1))
    assert (the_plan.network.softmax, the_plan.network.cutoffs) == ("full", ())
    assert "a vocabulary of 2 is too small for an adaptive softmax" in the_plan.notes[-1]


def test_threads():
    assert plan_for(10_000, threads=3).threads == 3
    assert plan_for(10_000, threads=3, batch=2).threads == 2
    assert 1 <= plan_for(10_000, threads=0).threads <= 32


# The peak of a process that trains a little model, then one of the size that is asked about: what lies between is
# the model's own, without the program and its compiled kernels. (ru_maxrss would count the parent process, too.)
MEASURE = """
from pathlib import Path
from textgen.nn.config import NetworkConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import plan
from textgen.lm.training.loop import train
from tests.lm.planning.test_plan import wide_corpus

def peak():
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024

def run(hidden, V, batch, bptt):
    corpus = wide_corpus(V)
    network = NetworkConfig(cell="lstm", hidden=hidden, layers=1, embedding=0)
    training = TrainingConfig(steps=2, batch=batch, bptt=bptt, threads=2, dropout=0.2)
    the_plan = plan(corpus, network, training)
    *_, end = train(corpus, TextConfig(unit="file"), the_plan)
    assert end.reason == "steps"
    print(the_plan.memory_bytes, peak())

run(8, 20, 4, 8)
run(256, 5000, 32, 64)
"""


def wide_corpus(V):
    """A corpus over a vocabulary of V tokens, part of it held out, and long enough for any batch."""
    ids = (np.arange(8192) % (V - 2) + 2).astype(np.uint16)
    ids[-1] = EOS_ID
    text = PackedText(ids, np.array([len(ids)]))
    return Corpus(text, text, vocabulary_of(f"w{i}" for i in range(V - 2)), "file", "", 2 * len(ids))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process' own peak")
def test_the_forecast_of_memory_against_what_is_used():
    """With kernels that are compiled already: to compile them takes a hundred megabytes for a moment."""
    training = TrainingConfig(steps=2, batch=4, bptt=8, threads=2, dropout=0.2)
    corpus = wide_corpus(20)
    list(train(corpus, TextConfig(unit="file"), plan(corpus, SMALL, training)))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=environment)
    small, large = (tuple(map(int, line.split())) for line in done.stdout.splitlines())
    for forecast, peak in (small, large):
        assert 1 / 2 < forecast / peak < 2
    grown_forecast, grown_peak = large[0] - small[0], large[1] - small[1]
    assert grown_peak > 150e6
    assert 2 / 3 < grown_forecast / grown_peak < 3 / 2
