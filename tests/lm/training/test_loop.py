"""Training: what is learnt, from which stream, and always the same."""

import math
from collections import Counter

import numpy as np
import pytest

from tests.lm.tasks import ANIMALS, NO_LEARNING, nats_per_token, of_type, vector_of
from tests.lm.tiny import CHI_SQUARE_999, chi_square
from textgen.core.cells import CELLS
from textgen.core.runtime.threads import Team
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.inference.scoring import token_log_probabilities
from textgen.lm.training.reports import StepReport, ValidationReport
from textgen.lm.writing.sampling import sample
from textgen.nn.computation import Computation
from textgen.text.tokens.windows import Window

pytestmark = pytest.mark.usefixtures("epochwise")

# Learning


def test_twenty_characters_are_memorised(task):
    """Two lines of ten characters: only which of them begins is left to chance, ln 2 nats a line."""
    lines = ["abcdefghi", "jklmnopqr"]
    end = task("abcdefghi\njklmnopqr\n").end(epochs=300, lr=0.03, batch=32, bptt=64, network={"hidden": 16})
    least = 2 * math.log(2) / 20
    assert end.best.train_loss == pytest.approx(least, abs=0.02)
    assert nats_per_token(end.model, lines) == pytest.approx(least, abs=0.01)
    greedy = [s.text for s in sample(end.model, SamplingConfig(count=400, greedy=True, seed=1))]
    assert chi_square(greedy, dict.fromkeys(lines, 0.5)) < CHI_SQUARE_999[1]
    free = Counter(s.text for s in sample(end.model, SamplingConfig(count=400, seed=1)))
    assert free[lines[0]] + free[lines[1]] > 380


def test_one_line_is_memorised(task):
    end = task("the quick brown fox.").end(epochs=250, lr=0.03, network={"hidden": 16})
    assert nats_per_token(end.model, ["the quick brown fox."]) < 0.02
    assert {s.text for s in sample(end.model, SamplingConfig(count=20, greedy=True, seed=1))} == {
        "the quick brown fox."
    }


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_what_needs_a_memory(task, cell):
    """Of "aabaab..." a model without memory can know no more than 2/3 * ln 2 = 0.46 nats per token."""
    periodic = task("aab" * 200, unit="file")
    end = periodic.end(network={"cell": cell}, steps=250, lr=0.03)
    with Team(1) as team:
        losses = -token_log_probabilities(end.model, periodic.corpus.train, team)
    assert losses[10:100].mean() < 0.1
    assert losses[10:100].max() < 0.5, "it is right everywhere"


def test_carry_learns_across_lines(task):
    """Lines alternate; where each were for itself, half of the tokens would cost ln 2: 0.35 nats per token."""
    lines = ["a", "b"] * 100
    carried = task(lines, carry=True).end(steps=150, lr=0.03)
    reset = task(lines).end(steps=150, lr=0.03)
    assert carried.best.train_loss < 0.15
    assert reset.best.train_loss > math.log(2) / 2 * 0.95


# The stream


def plain_pass(model, ids, first):
    """The loss of each id, in one window of one row; no state is reset but the first."""
    ids = np.array(ids, np.int32)
    inputs = np.concatenate(([first], ids[:-1])).astype(np.int32)
    with Team(1) as team:
        computation = Computation.without_training(model.network, team)
        window = Window(inputs[:, None], np.zeros((len(ids), 1), np.bool_), ids[:, None])
        return computation.forward(window)[:, 0].copy()


@pytest.mark.parametrize("options", [{"carry": True}, {"unit": "file"}])
def test_the_state_runs_on_through_a_text_in_its_order(task, options):
    """With parameters that stay as they are, the first epoch's loss is that of a plain pass over each row."""
    asked = task([*ANIMALS, "and so on"], **options)
    end = asked.end(epochs=1, lr=NO_LEARNING, batch=3, bptt=7, network={"layers": 2})
    ids, B = asked.corpus.train.ids, 3
    columns = len(ids) // B
    assert len(ids) % B, "a few tokens are left out"
    assert columns % 7, "the last window is shorter"
    losses = [
        plain_pass(
            end.model,
            ids[b * columns : (b + 1) * columns],
            first=ids[b * columns - 1] if b else end.model.first_input,
        )
        for b in range(B)
    ]
    assert end.best.train_loss == pytest.approx(np.mean(losses), rel=1e-7)
    assert end.tokens == B * columns


def test_an_epoch_has_each_line_once_and_from_its_own_beginning(task):
    asked = task(ANIMALS)
    end = asked.end(epochs=1, lr=NO_LEARNING, batch=1, bptt=7)
    assert end.best.train_loss == pytest.approx(nats_per_token(end.model, ANIMALS), rel=1e-7)
    assert end.tokens == len(asked.corpus.train.ids)


def test_lines_are_read_in_a_new_order_each_epoch(task, every_step):
    """The same windows come in none of the epochs, though the parameters stay."""
    reports = of_type(StepReport, task(ANIMALS).reports(epochs=3, lr=NO_LEARNING))
    epochs = [[r.loss for r in reports if r.epoch == epoch] for epoch in (1, 2, 3)]
    assert len({tuple(losses) for losses in epochs}) == 3
    in_order = of_type(StepReport, task(ANIMALS, carry=True).reports(epochs=3, lr=NO_LEARNING))
    epochs = [[r.loss for r in in_order if r.epoch == epoch] for epoch in (1, 2, 3)]
    assert epochs[0] == epochs[1] == epochs[2]


# Always the same


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(animals):
    network = {"hidden": 12, "layers": 2, "embedding": 5, "head_layers": 1}
    options = {"network": network, "epochs": 3, "dropout": 0.3}
    ends = [animals.end(**options, threads=threads) for threads in (1, 2, 3, 1)]
    assert len({vector_of(end.model).tobytes() for end in ends}) == 1
    assert len({(end.best.valid_loss, end.best.train_loss) for end in ends}) == 1
    other = animals.end(**options, seed=2)
    assert vector_of(other.model).tobytes() != vector_of(ends[0].model).tobytes()


def test_validation_leaves_the_training_as_it_was(animals, every_step):
    """Each step's loss and gradient, and the parameters in the end, are those of a training without it."""
    options = {"epochs": 4, "dropout": 0.2, "lr": 0.003, "network": {"layers": 2}, "average": False}
    with_it, without = animals.reports(**options), animals.without_validation().reports(**options)
    assert [(r.loss, r.gradient_norm) for r in of_type(StepReport, with_it)] == [
        (r.loss, r.gradient_norm) for r in of_type(StepReport, without)
    ]
    assert [r.train_loss for r in of_type(ValidationReport, with_it)] == [
        r.train_loss for r in of_type(ValidationReport, without)
    ]
    assert all(r.best for r in of_type(ValidationReport, with_it)), "else the last parameters are not the kept ones"
    assert vector_of(with_it[-1].model).tobytes() == vector_of(without[-1].model).tobytes()
    assert all(r.valid_loss is r.bits_per_character is r.perplexity is None for r in of_type(ValidationReport, without))
