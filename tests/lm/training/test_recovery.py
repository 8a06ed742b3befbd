"""Training that diverges: back to the best parameters with half the learning rate, three times, and then no more."""

import math
from itertools import islice

import numpy as np
import pytest

from tests.lm.tasks import PLAIN, SMALL, assert_usable, of_type, vector_of
from textgen.core.runtime.threads import Team
from textgen.lm.config.training import TrainingConfig
from textgen.lm.progress import pace
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training import session as run
from textgen.lm.training.learner import Learner
from textgen.lm.training.reports import RecoveryReport, StepReport, ValidationReport
from textgen.lm.training.stream import Stream

pytestmark = pytest.mark.usefixtures("epochwise")

# A rate at which one step of Adam leaves parameters that are finite, but logits beyond float32. Less would not do: no
# gradient flows through a tanh that is exactly 1 or -1, however large the weights.
BEYOND = 3e38
STEPS = 5  # of an epoch


@pytest.fixture
def rates(monkeypatch):
    """A function that has the training learn at rate(highest, step since the optimiser's start)."""

    def use(rate):
        monkeypatch.setattr(run, "learning_rate", lambda highest, step, *_: rate(highest, step))

    return use


def by_hand(task, start, windows, rate):
    """The parameters that come of `start` by so many updates on consecutive windows of the first epochs."""
    config = TrainingConfig(**PLAIN, clip=0.0)
    model = LanguageModel.new(task.text, SMALL, task.corpus.vocabulary, config.seed, training=True)
    model.network.parameters.vector[:] = start
    with Team(1) as team:
        learner = Learner(model, config, team)
        for number, window in enumerate(windows):
            measured = learner.measure(window, number)
            assert measured is not None
            learner.update(rate, measured[1])
    return vector_of(model)


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 1e300), ("adam", 1e300), ("adam", BEYOND)])
def test_a_training_that_cannot_but_diverge(animals, held_out, lr, optimizer):
    """Three times with half the rate, then no more; the parameters are those that it began with."""
    asked = animals if held_out else animals.without_validation()
    reports = asked.reports(epochs=40, optimizer=optimizer, lr=lr, clip=0.0)
    recoveries, end = of_type(RecoveryReport, reports), reports[-1]
    assert [(r.number, r.learning_rate, r.back_to) for r in recoveries] == [
        (1, lr / 2, 0),
        (2, lr / 4, 0),
        (3, lr / 8, 0),
    ]
    assert end.reason == end.model.history.stopped == "diverged"
    assert (end.best, end.recoveries) == (None, 3)
    start = LanguageModel.new(asked.text, SMALL, asked.corpus.vocabulary, 1)
    assert vector_of(end.model).tobytes() == vector_of(start).tobytes()
    assert_usable(end.model)


@pytest.mark.parametrize("held_out", [True, False])
def test_parameters_that_are_not_finite_are_not_kept(animals, held_out):
    """The only step's update leads beyond the numbers there are."""
    asked = animals if held_out else animals.without_validation()
    end = asked.end(steps=1, optimizer="sgd", lr=1e300, clip=0.0)
    assert (end.reason, end.best) == ("diverged", None)
    assert_usable(end.model)


def test_before_a_validation_it_begins_again(animals, rates):
    """Longhand: from the first parameters and a new optimiser, on behind the window that broke, at half the rate."""
    rates(lambda highest, step: BEYOND if (highest, step) == (0.05, 1) else highest)
    reports = animals.reports(steps=4, lr=0.05, clip=0.0)
    [recovery] = of_type(RecoveryReport, reports)
    assert (recovery.cause, recovery.step, recovery.back_to, recovery.learning_rate) == ("loss", 2, 0, 0.025)
    stream = Stream(animals.corpus.train, 4, 16, carry=False, seed=1)
    start = vector_of(LanguageModel.new(animals.text, SMALL, animals.corpus.vocabulary, 1))
    windows = list(islice(stream.windows(1), 3, None))  # two were learnt, the third one broke
    assert len(windows) == 2
    end = reports[-1]
    assert (end.reason, end.best.step) == ("steps", 4)
    assert vector_of(end.model).tobytes() == by_hand(animals, start, windows, 0.025).tobytes()


def test_after_a_validation_it_goes_back_to_the_best(animals, rates):
    rates(lambda highest, step: BEYOND if (highest, step) == (0.05, STEPS + 1) else highest)
    reports = animals.reports(steps=STEPS + 4, lr=0.05, clip=0.0)
    [recovery] = of_type(RecoveryReport, reports)
    assert (recovery.step, recovery.back_to) == (STEPS + 2, STEPS)
    rates(lambda highest, step: highest)
    best = vector_of(animals.end(steps=STEPS, lr=0.05, clip=0.0).model)
    stream = Stream(animals.corpus.train, 4, 16, carry=False, seed=1)
    windows = list(islice(stream.windows(2), 3, None))
    validations = of_type(ValidationReport, reports)
    assert validations[-1].step == STEPS + 4
    assert validations[-1].best
    assert vector_of(reports[-1].model).tobytes() == by_hand(animals, best, windows, 0.025).tobytes()


def test_the_best_model_is_kept_where_it_diverges_for_good(animals, rates):
    rates(lambda highest, step: 0.01 if highest == 0.01 and step < STEPS else BEYOND)
    reports = animals.reports(epochs=9, clip=0.0)
    end = reports[-1]
    [validation] = of_type(ValidationReport, reports)
    assert [r.back_to for r in of_type(RecoveryReport, reports)] == [STEPS] * 3
    assert end.reason == end.model.history.stopped == "diverged"
    assert end.best is validation
    rates(lambda *_: 0.01)
    assert vector_of(end.model).tobytes() == vector_of(animals.end(steps=STEPS, clip=0.0).model).tobytes()
    assert_usable(end.model)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_that_is_not_finite_is_a_divergence(animals, scripted, bad):
    scripted([2.0, bad, 3.0, 1.0])
    reports = animals.reports(epochs=4)
    assert [(r.cause, r.back_to) for r in of_type(RecoveryReport, reports)] == [("validation", STEPS)]
    assert (reports[-1].reason, reports[-1].best.epoch, reports[-1].best.valid_loss) == ("epochs", 4, 1.0)
    scripted([2.0, bad])
    end = animals.end(epochs=2)
    assert (end.reason, end.best.epoch) == ("diverged", 1), "nothing is left to be learnt from the best"


def test_the_warm_up_begins_again(animals, rates, every_step):
    seen = []

    def rate(highest, step):
        seen.append(step)
        return BEYOND if len(seen) == 4 else highest

    rates(rate)
    animals.reports(steps=7, lr=0.05, clip=0.0)
    assert seen == [0, 1, 2, 3, 0, 1, 2]


def test_a_spike_is_a_divergence(animals, rates):
    """Its numbers are finite, but it has forgotten everything."""
    rates(lambda highest, step: 30.0 if (highest, step) == (0.05, 100) else highest)
    reports = animals.reports(epochs=60, lr=0.05)
    [recovery] = of_type(RecoveryReport, reports)
    assert recovery.cause == "spike"
    assert 100 < recovery.step < 150
    assert recovery.back_to <= 100
    assert reports[-1].best.valid_loss < 1.5


def test_a_training_that_only_becomes_worse(animals):
    """All its numbers are finite, but from the first step on it is worse than if it had learnt nothing."""
    reports = animals.reports(epochs=40, lr=100.0)
    first, *_ = of_type(RecoveryReport, reports)
    assert (first.cause, first.learning_rate) == ("spike", 50.0)
    assert first.loss > math.log(len(animals.corpus.vocabulary)) + 1


@pytest.mark.parametrize("held_out", [True, False])
def test_what_is_far_above_chance_is_never_the_best(animals, held_out):
    """All its numbers are finite. It begins again, not at what a validation found; the parameters are the first."""
    asked = animals if held_out else animals.without_validation()
    reports = asked.reports(epochs=100, lr=1e30)
    validations, end = of_type(ValidationReport, reports), reports[-1]
    assert len(validations) > 20
    assert not any(v.best for v in validations)
    assert all(math.isfinite(v.judged) for v in validations)
    assert [r.back_to for r in of_type(RecoveryReport, reports)] == [0, 0, 0]
    assert (end.reason, end.best) == ("diverged", None)
    start = LanguageModel.new(asked.text, SMALL, asked.corpus.vocabulary, 1)
    assert vector_of(end.model).tobytes() == vector_of(start).tobytes()


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("length", [{"steps": 20}, {"steps": 40, "patience": 2}])
def test_a_training_without_anything_learnt_has_diverged(animals, held_out, length):
    asked = animals if held_out else animals.without_validation()
    end = asked.end(lr=1e30, **length)
    assert (end.reason, end.model.history.stopped, end.best, end.recoveries) == ("diverged", "diverged", None, 0)


@pytest.mark.parametrize("held_out", [True, False])
def test_a_last_step_that_leads_astray_is_not_kept(animals, rates, held_out):
    """The losses of training tell nothing of it: they were measured before that step."""
    rates(lambda highest, step: 1e6 if step == 2 * STEPS - 1 else highest)
    asked = animals if held_out else animals.without_validation()
    reports = asked.reports(epochs=2, lr=0.01, average=False)
    first, last = of_type(ValidationReport, reports)
    assert (first.best, last.best) == (True, False)
    assert last.train_loss < first.train_loss
    assert (reports[-1].reason, reports[-1].best) == ("epochs", first)


def test_a_text_that_is_learnt_by_heart_has_not_diverged(task):
    """What is held out goes far worse than by chance, and the first validation is the best one all the same."""
    letters = task(["abcdefgh"] * 400, valid=["hgfedcba", "aaaahhhh"])
    reports = letters.reports(epochs=1, batch=1, lr=0.02, network={"hidden": 16})
    [only] = of_type(ValidationReport, reports)
    assert only.valid_loss > math.log(len(letters.corpus.vocabulary)) + 2
    assert of_type(RecoveryReport, reports) == []
    assert (only.best, reports[-1].reason, reports[-1].best) == (True, "epochs", only)


def test_another_kind_of_text_is_no_spike(task, monkeypatch):
    """The first half in one alphabet, the second in another one, read from one end to the other."""
    monkeypatch.setattr(pace, "_REPORT_SECONDS", 0)
    rng = np.random.default_rng(5)
    halves = ["".join(rng.choice(list(letters), 3000)) for letters in ("ab", "pqrstuvwxyz")]
    text = task("".join(halves), unit="file")
    reports = text.reports(epochs=3, batch=1, lr=0.01, network={"hidden": 16})
    assert of_type(RecoveryReport, reports) == []
    losses = [r.loss for r in of_type(StepReport, reports)]
    assert max(loss - min(losses[50:n]) for n, loss in enumerate(losses) if n > 50) > 1.5, "it does leap up"
