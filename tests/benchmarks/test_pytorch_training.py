"""The peer's trainings are what they say: the whole held-out text, the state carried, the time kept."""

import itertools
import math
from dataclasses import replace

import pytest

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")

from tests.benchmarks.pytorch_training import SETUPS, Network, held_out_loss, read_tokens, run, windows  # noqa: E402

SMALL = replace(SETUPS["char"], hidden=8, batch=2, bptt=5, lr=0.05)


@pytest.fixture(autouse=True)
def _one_thread():
    """So little work only waits for threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_tokens(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a b\n \nc")
    assert read_tokens("char", path) == list("a b\n \nc")
    assert read_tokens("words", path) == ["a", "b", "<eos>", "<eos>", "c", "<eos>"]


def test_windows_run_through_each_row_and_begin_anew():
    found = list(itertools.islice(windows(torch.arange(16), 2, 3), 4))
    first = [[0, 7], [1, 8], [2, 9]]
    assert [inputs.tolist() for inputs, _, _ in found] == [first, [[3, 10], [4, 11], [5, 12]], [[6, 13]], first]
    assert all((targets == inputs + 1).all() for inputs, targets, _ in found)
    assert [is_first for _, _, is_first in found] == [True, False, False, True]


@pytest.mark.parametrize("setup", [SMALL, replace(SMALL, tied=True, layers=2, dropout=0.5)])
@pytest.mark.parametrize("length", [2, 100, 500, 16_001])
def test_the_held_out_loss_is_that_of_one_pass(setup, length):
    torch.manual_seed(3)
    network = Network(setup, 11)
    ids = torch.randint(11, (length,))
    network.module.eval()
    with torch.no_grad():
        expected, _ = network.loss(ids[:-1, None], ids[1:, None], None)
    network.module.train()
    assert held_out_loss(network, ids, 7) == pytest.approx(float(expected), abs=1e-6)


def test_tied_is_one_matrix():
    network = Network(replace(SMALL, tied=True), 11)
    assert network.embedding is not None
    assert network.embedding.weight is network.output.weight
    assert len({id(p) for p in network.module.parameters()}) == 4 + 1 + 1, "recurrent, shared, bias"


@pytest.mark.parametrize("task", ["char", "words"])
def test_a_training_by_an_imagined_clock(tmp_path, monkeypatch, task):
    """Each look at the clock takes a tenth of a second, so that the same is done on any machine."""
    clock = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: next(clock) / 10)
    path = tmp_path / "text.txt"
    path.write_text("ab cd\n" * 200)
    *validations, end = run(task, SMALL, [path, path, path], 60, 2)
    assert [record["event"] for record in validations] == ["validation", "validation"]
    assert 27 < validations[0]["seconds"] <= 30.5, "a small validation has the least that the clock shows, too"
    assert 59 < validations[1]["seconds"] <= 60.5
    assert end["valid_loss"] == min(record["valid_loss"] for record in validations) < 0.1, "it is learnt by heart"
    assert end["test_loss"] == pytest.approx(end["valid_loss"], abs=1e-6)
    assert end["test_perplexity"] == math.exp(end["test_loss"])
    assert end["vocabulary"] == {"char": 7, "words": 4}[task]
