"""What a sequence depends on: (model, seed, index) alone, however many are drawn, by however many threads."""

from itertools import islice

import pytest

from tests.lm.tiny import (
    add_to_logit,
    random_model,
)
from tests.lm.write import one, texts, write
from textgen.core.runtime.threads import Team
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.writing import desks, sampling, writer
from textgen.lm.writing.sampling import sample
from textgen.text.tokens.vocabulary import EOS_ID


def test_sequence_i_depends_on_model_seed_and_i_alone(monkeypatch):
    """Not on how many are drawn, side by side or in all, nor on the threads."""
    model = random_model("abc", seed=2, layers=2)
    monkeypatch.setattr(sampling, "available_cpus", lambda: 5)  # whatever there are here
    many = write(model, "ab", count=1000, seed=7, max_length=20)
    assert [written.index for written in many] == list(range(1000))
    assert len({written.text for written in many}) > 100
    assert [one(model, "ab", seed=7, max_length=20)] == many[:1]
    for streams in (1, 3, 64):
        monkeypatch.setattr(sampling, "_STREAMS", streams)
        for threads in (1, 2, 5):
            assert write(model, "ab", threads, count=40, seed=7, max_length=20) == many[:40]


def test_no_more_threads_are_started_than_can_meet(monkeypatch):
    """Those that wait for one another keep their CPUs; so no more of them than CPUs, and no more than 64."""
    sizes = []

    def small_team(threads):
        sizes.append(threads)
        return Team(1)

    monkeypatch.setattr(sampling, "Team", small_team)
    model = random_model("abc", seed=2)
    written = []
    for cpus in (1000, 3):
        monkeypatch.setattr(sampling, "available_cpus", lambda cpus=cpus: cpus)
        written += [one(model, "ab", threads) for threads in (100_000, 64, 2, 0)]
    assert sizes == [64, 64, 2, 1, 3, 3, 2, 1]
    assert written == written[:1] * 8


def test_who_is_interrupted_before_it_writes_leaves_nobody_waiting(monkeypatch):
    together = writer.Writer._write

    def interrupted(one, part):
        if part == 0:
            raise KeyboardInterrupt
        together(one, part)

    monkeypatch.setattr(writer.Writer, "_write", interrupted)
    monkeypatch.setattr(sampling, "available_cpus", lambda: 2)
    with pytest.raises(KeyboardInterrupt):
        one(random_model("abc", seed=2), "ab", 2)


@pytest.mark.parametrize("greedy", [False, True])
def test_where_runs_are_cut_changes_nothing(monkeypatch, greedy):
    """Between runs Python looks up, for Ctrl-C; sequences that are longer than a run go on as if it had not."""
    model = add_to_logit(random_model("abcdef", seed=2, layers=2), EOS_ID, -2)
    config = {"count": 40, "seed": 7, "max_length": 30, "greedy": greedy}
    monkeypatch.setattr(sampling, "available_cpus", lambda: 3)
    whole = write(model, "ab", **config)
    assert max(written.tokens for written in whole) == 30
    assert {written.ended for written in whole} == {"eos", "length"} or greedy
    for name, value in (("_TOKENS", 1), ("_TOKENS", 7), ("_WORK_OF_A_RUN", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(desks, name, value)
            found = write(model, "ab", 3, **config)
        assert found == whole


def test_other_seeds_write_other_texts():
    model = random_model("abcdefgh", seed=2)
    long = {"max_length": 12, "top_k": 7}
    found = {seed: texts(model, count=4, seed=seed, **long) for seed in range(5)}
    drawn = [text for some in found.values() for text in some]
    assert len(set(drawn)) > 12  # also of (seed, index) and (index, seed)
    assert found[3] == texts(model, count=4, seed=3, **long)


def test_without_a_seed_there_is_a_new_one_each_time():
    model = random_model("abcdefgh", seed=2)
    long = {"max_length": 12, "count": 8, "seed": None}
    assert texts(model, **long) != texts(model, **long)  # but once in more than 10 ** 20 times


def test_sequences_come_as_soon_as_they_are_finished():
    """However many were asked for."""
    model = random_model("ab")
    few = list(islice(sample(model, SamplingConfig(count=10**12, max_length=5, seed=1)), 3))
    assert few == write(model, count=3, max_length=5)
