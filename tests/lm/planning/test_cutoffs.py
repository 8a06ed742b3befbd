"""Where the vocabulary is cut: against all cuts there are, and what is settled for a training."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from textgen.lm.planning import cutoffs as clusters
from textgen.lm.planning.cutoffs import choose_cutoffs, mean_columns, settle_softmax
from textgen.nn.config import NetworkConfig


def cost(cutoffs, counts, a_cluster):
    """The columns that a token takes on average, counted token by token."""
    total = 0
    for idx, count in enumerate(counts):
        total += count * (cutoffs[0] + len(cutoffs) * (1 + a_cluster))
        for first, last in zip(cutoffs, [*cutoffs[1:], len(counts)], strict=True):
            total += count * (last - first) if first <= idx < last else 0
    return total / sum(counts)


def zipf(V):
    return [1, 3, *(round(10_000 / rank) for rank in range(1, V - 1))]


@pytest.mark.parametrize("a_cluster", [0, 0.7, 3])
@pytest.mark.parametrize("V", [3, 4, 8, 17])
def test_the_best_of_all_cuts(monkeypatch, V, a_cluster):
    monkeypatch.setattr(clusters, "_CLUSTER", a_cluster)
    rng = np.random.default_rng(V)
    for _ in range(3):
        counts = [5, 3, *sorted(rng.integers(1, 1000, V - 2).tolist(), reverse=True)]
        every = [cuts for K in range(1, 5) for cuts in combinations(range(2, V), K)]
        found = choose_cutoffs(counts)
        best = min(cost(cuts, counts, a_cluster) for cuts in every)
        assert cost(found, counts, a_cluster) == pytest.approx(best, rel=1e-12)


def test_candidates_are_close_enough_together():
    counts = zipf(4000)
    found = choose_cutoffs(counts)
    assert len(found) == 4
    best = mean_columns(found, counts)
    for place in range(4):
        for factor in (0.9, 0.97, 1.03, 1.1):
            others = [round(cut * factor) if i == place else cut for i, cut in enumerate(found)]
            assert best < 1.001 * mean_columns(others, counts)


def test_what_a_cluster_costs_keeps_their_number_down():
    assert [len(choose_cutoffs(zipf(V))) for V in (20, 60, 4000)] == [1, 1, 4]


@pytest.mark.parametrize("counts", [[], [4], [4, 2], [0, 0, 0, 0]])
def test_nothing_to_cut(counts):
    assert choose_cutoffs(counts) == ()


@pytest.mark.parametrize("counts", [[0, 0, 5], [900, 0, 5, 1, 1], [0, 900, 5, 1, 1], [0, 0, 1, 1, 1, 1]])
def test_unk_and_eos_are_in_the_short_list(counts):
    assert choose_cutoffs(counts)[0] >= 2


def test_mean_columns():
    counts = [1, 1, 4, 2, 1, 1]
    assert mean_columns((), counts) == 6
    assert mean_columns((3, 4), counts) == pytest.approx(cost((3, 4), counts, 0))


def test_a_large_vocabulary_is_cut_by_itself():
    small, large = zipf(clusters._MOST_FULL), zipf(clusters._MOST_FULL + 1)
    assert settle_softmax(NetworkConfig(), small) == NetworkConfig(softmax="full")
    assert settle_softmax(NetworkConfig(), large) == NetworkConfig(softmax="adaptive", cutoffs=choose_cutoffs(large))
    assert settle_softmax(NetworkConfig(softmax="full"), large) == NetworkConfig(softmax="full")
    forced = NetworkConfig(softmax="adaptive")
    assert settle_softmax(forced, small) == NetworkConfig(softmax="adaptive", cutoffs=choose_cutoffs(small))
    assert settle_softmax(forced, [3, 4]) == NetworkConfig(softmax="full")


@pytest.mark.parametrize("V", [2, 100, 20_000])
def test_what_is_settled_stays(V):
    for softmax in ("auto", "full", "adaptive"):
        settled = settle_softmax(NetworkConfig(softmax=softmax), zipf(V))
        assert settle_softmax(settled, zipf(V)) == settled
        assert settled.softmax == ("adaptive" if settled.cutoffs else "full")
