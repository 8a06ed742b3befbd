"""Training: what is learnt, what is kept, how it ends, and that nothing disturbs it."""

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.lm.tiny import CHI_SQUARE_999, chi_square
from textgen.core.cells import CELLS
from textgen.core.schedule import learning_rate
from textgen.core.threads import Team
from textgen.lm import training as training_module
from textgen.lm.config import NetworkConfig, SamplingConfig, TextConfig, TrainingConfig
from textgen.lm.evaluation import evaluate
from textgen.lm.model import LanguageModel
from textgen.lm.network import Computation
from textgen.lm.plan import plan
from textgen.lm.reports import Finished, StepReport, ValidationReport
from textgen.lm.sampling import sample
from textgen.lm.scoring import score, token_log_probabilities, with_first_input
from textgen.lm.training import train, validation_nats
from textgen.text.corpus import Corpus, read_corpus
from textgen.text.windows import Window, stream_windows

SMALL = NetworkConfig(hidden=8, layers=1, embedding=0)
NO_LEARNING = 1e-30  # a learning rate that changes no parameter's float32
ANIMALS = [f"the {a} sat on the {b}." for a in ("cat", "dog", "hen") for b in ("mat", "log", "wall", "bed")]
PLAIN: dict[str, Any] = {"batch": 4, "bptt": 16, "threads": 1, "warmup": 0, "dropout": 0.0, "lr": 0.01, "patience": 0}


@dataclass(frozen=True)
class Task:
    """A corpus and how it was read."""

    corpus: Corpus
    text: TextConfig

    def reports(self, should_stop=lambda: False, network=None, **training):
        """All reports of a training; `network` and `training` as in the configurations."""
        config = TrainingConfig(**{**PLAIN, **training})
        return list(train(self.corpus, self.text, replace(SMALL, **(network or {})), config, should_stop))

    def end(self, *arguments, **options):
        """The last report."""
        end = self.reports(*arguments, **options)[-1]
        assert isinstance(end, Finished)
        return end

    def without_validation(self):
        """The same training text, nothing being held out."""
        return replace(self, corpus=replace(self.corpus, valid=None))


@pytest.fixture
def task(tmp_path):
    """A function that makes a task of a text; with `valid`, of a second one that is validated on."""

    def read(lines, valid=None, **options):
        paths = []
        for name, text in (("text", lines), ("valid", valid)):
            if text is not None:
                paths.append(tmp_path / f"{name}.txt")
                paths[-1].write_text(text if isinstance(text, str) else "\n".join(text), encoding="utf-8")
        text = TextConfig(**{"unit": "line", "valid_fraction": 0.0, **options})
        corpus = read_corpus(paths[:1], text, lambda _: None, valid_paths=paths[1:])
        return Task(corpus, replace(text, unit=corpus.unit))

    return read


@pytest.fixture
def animals(task):
    """Twelve sentences to learn from, three to validate on."""
    return task(ANIMALS, valid=["the cat sat.", "the pig ran on the wall.", "the dog sat on the cat."])


@pytest.fixture
def every_step(monkeypatch):
    """A report of each step, with its own loss."""
    monkeypatch.setattr(training_module, "_REPORT_SECONDS", 0)
    monkeypatch.setattr(training_module, "_SMOOTHING", 0)


@pytest.fixture
def clock(monkeypatch):
    """The time that the training sees: each step takes `step` seconds, all else none."""
    clock = SimpleNamespace(now=100.0, step=1.0)

    def learning_rate_at_a_later_time(*arguments):
        clock.now += clock.step
        return learning_rate(*arguments)

    monkeypatch.setattr(training_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(training_module, "learning_rate", learning_rate_at_a_later_time)
    return clock


@pytest.fixture
def scripted(monkeypatch):
    """A function that replaces the measured validation losses, in nats per token, by given ones."""

    def script(losses):
        values = iter(losses)
        monkeypatch.setattr(training_module, "validation_nats", lambda model, text, team: next(values) * len(text.ids))

    return script


def vector_of(model):
    return model.network.parameters.vector.copy()


def of_type(kind, reports):
    return [report for report in reports if isinstance(report, kind)]


def nats_per_token(model, sentences):
    scores = list(score(model, sentences))
    return -math.fsum(s.log_probability for s in scores) / sum(len(s.tokens) for s in scores)


def assert_usable(model):
    """It scores, and it writes."""
    assert np.isfinite(model.network.parameters.vector).all()
    assert math.isfinite(next(iter(score(model, [ANIMALS[0]]))).log_probability)
    assert len(list(sample(model, SamplingConfig(count=3, max_length=9, seed=1)))) == 3


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
    options = {"epochs": 4, "dropout": 0.2, "lr": 0.003, "network": {"layers": 2}}
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


# The updates


@pytest.mark.parametrize(("clip_by", "size"), [("norm", np.linalg.norm), ("value", lambda x: np.abs(x).max())])
def test_the_gradient_is_clipped(animals, every_step, clip_by, size):
    """The first step of plain gradient descent is lr * clip long, by the norm or by its largest entry."""
    options = {"steps": 1, "optimizer": "sgd", "momentum": 0.0, "lr": 0.5, "clip_by": clip_by}
    start = vector_of(LanguageModel.new(animals.text, SMALL, animals.corpus.vocabulary, 1))
    free = animals.reports(**options, clip=0.0)
    norm = of_type(StepReport, free)[0].gradient_norm
    assert size(vector_of(free[-1].model) - start) == pytest.approx(0.5 * norm, rel=1e-4)
    clipped = animals.reports(**options, clip=norm / 4)
    assert of_type(StepReport, clipped)[0].gradient_norm == norm
    assert size(vector_of(clipped[-1].model) - start) == pytest.approx(0.5 * norm / 4, rel=1e-4)
    np.testing.assert_allclose(vector_of(clipped[-1].model) - start, (vector_of(free[-1].model) - start) / 4, atol=1e-6)


def test_momentum(animals, monkeypatch):
    """Where the gradient hardly changes, the second of two steps is 1.8 times as long as the first."""
    monkeypatch.setattr(training_module, "learning_rate", lambda *_: 1e-3)
    one_window = replace(animals, corpus=replace(animals.corpus, valid=None), text=replace(animals.text, carry=True))
    options = {"optimizer": "sgd", "clip": 0.0, "batch": 1, "bptt": 10_000, "momentum": 0.8}
    start = vector_of(LanguageModel.new(animals.text, SMALL, animals.corpus.vocabulary, 1))
    first, second = (vector_of(one_window.end(epochs=epochs, **options).model) - start for epochs in (1, 2))
    assert np.linalg.norm(first) > 1e-4
    assert np.linalg.norm(second - 2.8 * first) < 0.02 * np.linalg.norm(first)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay(animals, optimizer):
    """Beside the same step, 0.5 * 0.01 of each parameter is taken off."""
    options = {"steps": 1, "optimizer": optimizer, "lr": 0.01}
    start = vector_of(LanguageModel.new(animals.text, SMALL, animals.corpus.vocabulary, 1))
    free, decayed = (vector_of(animals.end(**options, weight_decay=decay).model) for decay in (0.0, 0.5))
    np.testing.assert_allclose(decayed, free - 0.005 * start, atol=1e-6)


def test_dropout_is_drawn_by_seed_and_step(task, every_step):
    """Longhand: the same windows, through a network of the same seed, with the masks of steps 0, 1, 2..."""
    asked = task(ANIMALS, carry=True)
    steps = of_type(StepReport, asked.reports(epochs=2, lr=NO_LEARNING, dropout=0.5, seed=3))
    model = LanguageModel.new(asked.text, SMALL, asked.corpus.vocabulary, seed=3, training=True)
    with Team(1) as team:
        computation = Computation(model.network, team, dropout=0.5, seed=3)
        expected: list[float] = []
        for _ in range(2):
            computation.reset()
            for window in stream_windows(asked.corpus.train.ids, 4, 16, carry=True):
                begun = with_first_input(window, model.first_input)
                expected.append(computation.forward_backward(begun, len(expected)).mean())
    assert [r.loss for r in steps] == [pytest.approx(loss, rel=1e-6) for loss in expected]
    without = of_type(StepReport, asked.reports(epochs=1, lr=NO_LEARNING, seed=3))
    assert abs(without[0].loss - steps[0].loss) > 1e-3


def test_each_step_is_reported(animals, every_step):
    reports = animals.reports(epochs=3, warmup=5)
    steps = of_type(StepReport, reports)
    [windows] = {plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch}
    assert [r.step for r in steps] == list(range(1, 3 * windows + 1))
    assert [r.epoch for r in steps] == sorted([1, 2, 3] * windows)
    assert {r.steps for r in steps} == {3 * windows}
    assert [r.progress for r in steps] == [pytest.approx(r.step / r.steps) for r in steps]
    assert [r.learning_rate for r in steps] == [
        pytest.approx(learning_rate(0.01, n, 5, n / (3 * windows))) for n in range(3 * windows)
    ]
    sizes = [w.targets.size for w in stream_windows(animals.corpus.train.ids, 4, 16, carry=False)]
    assert [r.tokens for r in steps] == list(np.cumsum(sizes * 3))
    assert all(r.gradient_norm > 0 and r.tokens_per_second > 0 for r in steps)
    ends = of_type(ValidationReport, reports)
    for epoch, report in enumerate(ends, 1):
        mean = np.average([r.loss for r in steps if r.epoch == epoch], weights=sizes)
        assert report.train_loss == pytest.approx(mean, rel=1e-9)
        assert (report.epoch, report.step, report.tokens) == (epoch, windows * epoch, sum(sizes) * epoch)


def test_the_reported_loss_is_a_mean_that_forgets(animals, monkeypatch):
    monkeypatch.setattr(training_module, "_REPORT_SECONDS", 0)
    found = {}
    for smoothing in (0, 0.9):
        monkeypatch.setattr(training_module, "_SMOOTHING", smoothing)
        found[smoothing] = [r.loss for r in of_type(StepReport, animals.reports(steps=12))]
    for n, loss in enumerate(found[0.9], 1):
        assert loss == pytest.approx(np.average(found[0][:n], weights=0.9 ** np.arange(n)[::-1]), rel=1e-9)


def test_time_in_the_reports(animals, clock):
    """There is one when 0.2 seconds have passed, and one of the last step."""
    clock.step = 0.06
    reports = of_type(StepReport, animals.reports(steps=10))
    assert [r.step for r in reports] == [4, 8, 10]
    tokens = {r.step: r.tokens for r in reports}
    assert reports[1].seconds == pytest.approx(0.06 * 8)
    assert reports[1].seconds_left == pytest.approx(0.06 * 2)
    assert reports[1].tokens_per_second == pytest.approx((tokens[8] - tokens[4]) / (0.06 * 4))


# Validation


def test_the_validation_loss_is_what_evaluate_finds(animals, tmp_path):
    """Dropout is for training alone."""
    end = animals.end(epochs=3, dropout=0.5)
    found = evaluate(end.model, [tmp_path / "valid.txt"])
    assert end.best.valid_loss == pytest.approx(found.nats_per_token, rel=1e-12)
    assert end.best.perplexity == pytest.approx(found.perplexity, rel=1e-12)
    assert end.best.bits_per_character == pytest.approx(found.bits_per_character, rel=1e-12)
    assert found.oovs == 1 + 1 + 1, "p, i, r and u are unknown, but only three of their places are"


@pytest.mark.parametrize("options", [{"unit": "file"}, {"carry": True}])
def test_the_validation_loss_of_a_long_text_is_nearly_what_evaluate_finds(task, tmp_path, options):
    rng = np.random.default_rng(3)
    lines = [str(rng.choice(ANIMALS)) for _ in range(400)]
    asked = task(lines[:100], valid=lines[100:], **options)
    end = asked.end(epochs=4, network={"hidden": 12}, lr=0.02)
    found = evaluate(end.model, [tmp_path / "valid.txt"])
    assert found.tokens > 6000
    assert end.best.valid_loss == pytest.approx(found.nats_per_token, rel=1e-3)


def test_the_best_parameters_are_kept(animals):
    """Twelve sentences are soon learnt by heart, at the cost of others."""
    reports = animals.reports(epochs=30, lr=0.05, network={"hidden": 16})
    validations, end = of_type(ValidationReport, reports), reports[-1]
    losses = [r.valid_loss for r in validations]
    best = int(np.argmin(losses))
    assert losses[-1] > losses[best] + 0.01
    assert end.best is validations[best]
    assert [r.best for r in validations] == [loss < min(losses[:n], default=math.inf) for n, loss in enumerate(losses)]
    with Team(1) as team:
        nats = -math.fsum(token_log_probabilities(end.model, animals.corpus.valid, team))
        assert nats == pytest.approx(validation_nats(end.model, animals.corpus.valid, team), rel=1e-12)
    assert nats / len(animals.corpus.valid.ids) == pytest.approx(losses[best], rel=1e-12)


def parameters_after_each_epoch(task, **options):
    """Without validation each epoch's parameters are the ones that are kept."""
    reports = train(task.without_validation().corpus, task.text, SMALL, TrainingConfig(**{**PLAIN, **options}))
    return [vector_of(r.model).tobytes() for r in reports if isinstance(r, ValidationReport)]


@pytest.mark.parametrize(
    ("losses", "patience", "epochs", "best", "reason"),
    [
        ([3, 2, 2.5, 2.4, 2.3, 1], 3, 5, 2, "patience"),
        ([3, 2, 2.5, 2.4, 2.3, 1], 4, 6, 6, "epochs"),
        ([3, 2, 2.5, 2.4, 2.3, 2.2], 0, 6, 2, "epochs"),
        ([3, 4, 2, 3, 1, 2], 2, 6, 5, "epochs"),  # what counts is how long it lasts
        ([2, 2, 2, 2, 2, 2], 2, 3, 1, "patience"),  # as good is not better
        ([1, 2, 3, 4, 5, 6], 1, 2, 1, "patience"),
        ([6, 5, 4, 3, 2, 1], 1, 6, 6, "epochs"),
    ],
)
def test_patience(animals, scripted, losses, patience, epochs, best, reason):
    scripted(losses)
    reports = animals.reports(epochs=6, patience=patience)
    end = reports[-1]
    assert end.reason == end.model.history["stopped"] == reason
    assert [r.epoch for r in of_type(ValidationReport, reports)] == list(range(1, epochs + 1))
    assert (end.best.epoch, end.best.valid_loss) == (best, losses[best - 1])
    assert vector_of(end.model).tobytes() == parameters_after_each_epoch(animals, epochs=6)[best - 1]


def test_patience_begins_after_the_warm_up(animals, scripted):
    """As long as the learning rate rises, a loss may rise though all is well."""
    scripted([2, 3, 3, 3, 3, 3, 3, 3])
    steps = plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch
    end = animals.end(epochs=8, patience=1, warmup=4 * steps)
    assert (end.reason, end.model.history["validations"][-1]["epoch"]) == ("patience", 4)


def test_the_model_of_a_report_is_the_best_so_far(animals, scripted):
    """It may be saved at once."""
    scripted([3, 2, 2.5])
    seen = []
    for report in train(animals.corpus, animals.text, SMALL, TrainingConfig(**{**PLAIN, "epochs": 3})):
        if isinstance(report, ValidationReport):
            seen.append(vector_of(report.model).tobytes())
            assert nats_per_token(report.model, ["the cat sat."]) > 0
            assert len(report.model.history["validations"]) == report.epoch
    after = parameters_after_each_epoch(animals, epochs=3)
    assert seen == [after[0], after[1], after[1]]


# Where it ends


def test_after_the_epochs(animals):
    reports = animals.reports(epochs=3)
    assert reports[-1].reason == "epochs"
    assert [r.epoch for r in of_type(ValidationReport, reports)] == [1, 2, 3]
    assert_usable(reports[-1].model)


def test_after_the_steps(animals):
    """In the middle of an epoch; what was learnt is still measured."""
    steps = plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch
    reports = animals.reports(steps=steps + 2)
    end = reports[-1]
    assert end.reason == end.model.history["stopped"] == "steps"
    assert [(r.epoch, r.step) for r in of_type(ValidationReport, reports)] == [(1, steps), (2, steps + 2)]
    assert of_type(StepReport, reports)[-1].step == steps + 2
    assert of_type(StepReport, reports)[-1].progress == 1
    assert_usable(end.model)


def test_after_the_time(animals, clock):
    reports = animals.reports(seconds=7.5)
    end, steps = reports[-1], of_type(StepReport, reports)
    assert end.reason == end.model.history["stopped"] == "time"
    assert (end.best.step, end.best.seconds, end.seconds) == (8, 8, 8)
    assert [r.step for r in steps] == list(range(1, 9))
    assert [r.progress for r in steps] == [pytest.approx(min(1, n / 7.5)) for n in range(1, 9)]
    assert steps[1].seconds_left == pytest.approx(5.5)
    assert {r.steps for r in steps} == {None}
    assert_usable(end.model)


@pytest.mark.parametrize("extra", [-1, 2])
def test_when_it_is_asked_to_stop(animals, extra):
    """In the first epoch, what was learnt is measured and kept; later, the best so far is given at once."""
    first = plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch
    asked = 0

    def should_stop():
        nonlocal asked
        asked += 1
        return asked > first + extra + (extra > 0)  # at the end of an epoch it is asked once more

    reports = animals.reports(should_stop, epochs=9)
    end = reports[-1]
    assert end.reason == end.model.history["stopped"] == "interrupted"
    [validation] = of_type(ValidationReport, reports)
    assert end.best is validation
    assert validation.step == first + min(extra + 1, 0)
    assert vector_of(end.model).tobytes() == vector_of(validation.model).tobytes()
    assert_usable(end.model)


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("lr", [1e30, 1e300])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_that_diverges_at_once(animals, held_out, lr, optimizer):
    """The model that is left is the last one whose loss and gradient were finite numbers: here, the first."""
    asked = animals if held_out else animals.without_validation()
    end = asked.end(epochs=40, optimizer=optimizer, lr=lr, clip=0.0)
    assert end.reason == end.model.history["stopped"] == "diverged"
    assert end.best is None
    assert nats_per_token(end.model, ANIMALS) < 2 * math.log(len(end.model.vocabulary))
    assert_usable(end.model)


@pytest.mark.parametrize("held_out", [True, False])
def test_parameters_that_are_not_finite_are_not_kept(animals, held_out):
    """The only step's update leads beyond the numbers there are."""
    asked = animals if held_out else animals.without_validation()
    end = asked.end(steps=1, optimizer="sgd", lr=1e300, clip=0.0)
    assert (end.reason, end.best) == ("diverged", None)
    assert_usable(end.model)


def test_a_training_that_diverges_before_a_validation(animals, monkeypatch):
    """What was learnt until then is kept: the parameters before the update that led astray."""
    good = 3
    calls = iter(range(1000))
    options = {"optimizer": "sgd", "clip": 0.0, "epochs": 2}
    monkeypatch.setattr(training_module, "learning_rate", lambda *_: 0.05 if next(calls) < good else 1e30)
    end = animals.end(**options)
    assert (end.reason, end.best) == ("diverged", None)
    monkeypatch.setattr(training_module, "learning_rate", lambda *_: 0.05)
    asked = iter(range(1, 1000))
    until_then = animals.end(lambda: next(asked) >= good, **options)
    assert vector_of(end.model).tobytes() == vector_of(until_then.model).tobytes()
    assert nats_per_token(end.model, ANIMALS) == nats_per_token(until_then.model, ANIMALS)


def test_a_training_that_diverges_after_a_validation(animals, monkeypatch):
    """The best model is kept, whatever came after it."""
    steps = plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch
    monkeypatch.setattr(training_module, "learning_rate", lambda highest, step, *_: 0.01 if step <= steps else 1e30)
    reports = animals.reports(epochs=5, optimizer="sgd", clip=0.0)
    end = reports[-1]
    [validation] = of_type(ValidationReport, reports)
    assert end.reason == end.model.history["stopped"] == "diverged"
    assert end.best is validation
    assert (validation.epoch, validation.step) == (1, steps)
    monkeypatch.setattr(training_module, "learning_rate", lambda *_: 0.01)
    after_one = parameters_after_each_epoch(animals, epochs=5, optimizer="sgd", clip=0.0)[0]
    assert vector_of(end.model).tobytes() == after_one
    assert_usable(end.model)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_that_is_not_finite_is_never_the_best(animals, scripted, bad):
    scripted([2.0, bad, 3.0, 1.0])
    end = animals.end(epochs=4)
    assert end.reason == end.model.history["stopped"] == "diverged"
    assert (end.best.epoch, end.best.valid_loss) == (1, 2.0)
    scripted([bad, 2.0])
    end = animals.end(epochs=2)
    assert (end.reason, end.best) == ("diverged", None)
    assert_usable(end.model)


# What is told about it


def test_the_history_tells_the_course(animals, scripted):
    """To its end, not only to the best model; in plain values that JSON can hold."""
    before = datetime.now().astimezone() - timedelta(seconds=2)
    scripted([2.5, 2.0, 3.0, 4.0])
    reports = animals.reports(epochs=4, lr=0.05)
    end, history = reports[-1], reports[-1].model.history
    assert json.loads(json.dumps(history, allow_nan=False)) == history
    assert TrainingConfig.from_dict(history["training"]) == TrainingConfig(**{**PLAIN, "epochs": 4, "lr": 0.05})
    assert (history["stopped"], history["tokens"]) == ("epochs", end.tokens)
    assert end.tokens == reports[-2].tokens > end.best.tokens
    assert before < datetime.fromisoformat(history["created"]) <= datetime.now().astimezone()
    assert history["corpus"] == {
        "sha256": animals.corpus.sha256,
        "characters": animals.corpus.characters,
        "train_tokens": len(animals.corpus.train.ids),
        "valid_tokens": len(animals.corpus.valid.ids),
    }
    names = ("epoch", "step", "tokens", "train_loss", "valid_loss", "bits_per_character", "perplexity")
    validations = of_type(ValidationReport, reports)
    assert [{n: entry[n] for n in names} for entry in history["validations"]] == [
        {n: getattr(report, n) for n in names} for report in validations
    ]
    seconds = [entry["seconds"] for entry in history["validations"]]
    assert all(one <= next_one for one, next_one in pairwise([0, *seconds, history["seconds"]]))


def test_the_model_is_what_was_asked_for(task):
    asked = task(ANIMALS, tokenizer="word", lowercase=True)
    end = asked.end(steps=2, network={"cell": "gru", "hidden": 6, "embedding": 4})
    assert end.model.text == asked.text
    assert end.model.vocabulary == asked.corpus.vocabulary
    assert end.model.network.config == NetworkConfig(cell="gru", hidden=6, layers=1, embedding=4)
    assert not end.model.network.training
