"""Going on from a checkpoint: the end is that of a training which was never interrupted, byte for byte."""

from dataclasses import replace

import pytest

from tests.lm.tasks import ANIMALS, PLAIN, SMALL, of_type, timeless, vector_of
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import plan
from textgen.lm.progress.checkpoint import Origin, read_checkpoint, save_checkpoint
from textgen.lm.training import session as run
from textgen.lm.training.loop import train
from textgen.lm.training.reports import CheckpointReport, Finished, RecoveryReport
from textgen.lm.training.stream import Stream

VARIANTS = {
    "adam": {"epochs": 3},
    "steps": {"steps": 13},
    "no average": {"steps": 13, "average": False},
    "sgd": {"epochs": 3, "optimizer": "sgd", "lr": 0.1, "weight_decay": 0.01},
    "dropout": {"epochs": 3, "dropout": 0.4, "warmup": 9, "network": {"layers": 2, "embedding": 4, "head_layers": 1}},
    "patience": {"epochs": 8, "patience": 1, "lr": 0.3},
    "peephole": {"epochs": 2, "network": {"cell": "lstm-peephole"}},
}


class Sitting:
    """A training in one or more sittings, each of which ends after so many steps or at the training's end."""

    def __init__(self, task, path, network=None, **training):
        self.task, self.path = task, path
        self.network = plan(task.corpus, replace(SMALL, **(network or {})), TrainingConfig()).network
        self.training = TrainingConfig(**{**PLAIN, **training})

    def go_on(self, made=None, **changes):
        """All reports of another sitting; its last checkpoint is left in the file."""
        task, training = self.task, replace(self.training, **changes)
        resumed = read_checkpoint(self.path) if self.path.exists() else None
        asked = iter(range(10**9))
        reports = []
        the_plan = plan(task.corpus, self.network, training)
        for report in train(task.corpus, task.text, the_plan, lambda: next(asked) == made, resumed):
            reports.append(report)
            if isinstance(report, CheckpointReport):
                origin = Origin.of(task.text, the_plan, task.corpus)
                save_checkpoint(origin, report.snapshot, self.path, overwrite=True)
        return reports


def outcome(end):
    """All that a training leaves, but for times."""
    assert isinstance(end, Finished)
    history = timeless(end.model.history)
    best = end.best and (end.best.step, end.best.train_loss, end.best.valid_loss)
    return vector_of(end.model).tobytes(), history, end.reason, best, end.tokens


@pytest.fixture
def sitting(animals, tmp_path):
    """A function that makes a training of the animals, or of another task; its checkpoint is in a file of its own."""
    made = []

    def make(task=animals, **options):
        made.append(task)
        return Sitting(task, tmp_path / f"{len(made)}.checkpoint", **options)

    return make


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_interrupted_after_any_step(sitting, options):
    expected = outcome(sitting(**options).go_on()[-1])
    steps = expected[1].validations[-1].step
    for step in range(steps + 1):
        one = sitting(**options)
        assert one.go_on(step)[-1].reason == ("interrupted" if step < steps else expected[2])
        assert outcome(one.go_on()[-1]) == expected, step


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_interrupted_after_every_step(sitting, options):
    """Each step in a sitting of its own, with another number of threads."""
    expected = outcome(sitting(**options).go_on()[-1])
    one = sitting(**options)
    for number in range(1000):
        end = one.go_on(1, threads=1 + number % 3)[-1]
        if end.reason != "interrupted":
            break
    assert number > 8
    assert outcome(end) == expected


@pytest.mark.parametrize("options", [{"carry": True}, {"unit": "file"}])
def test_where_the_state_runs_on(task, sitting, options):
    """The hidden state is part of what is kept."""
    asked = task([*ANIMALS, "and so on"], **options)
    training = {"epochs": 2, "batch": 3, "bptt": 7, "network": {"layers": 2}}
    expected = outcome(sitting(asked, **training).go_on()[-1])
    one = sitting(asked, **training)
    while (end := one.go_on(1)[-1]).reason == "interrupted":
        pass
    assert outcome(end) == expected


def test_a_training_that_diverges_on_the_way(animals, sitting, monkeypatch):
    """What it goes back to, and how often, is part of what is kept."""

    def rate(highest, step, *_):
        return 3e38 if (highest, step) in ((0.01, 1), (0.005, 30)) else highest

    monkeypatch.setattr(run, "learning_rate", rate)
    options = {"task": animals.without_validation(), "epochs": 8, "dropout": 0.2, "clip": 0.0}
    reports = sitting(**options).go_on()
    recoveries = [r.back_to > 0 for r in of_type(RecoveryReport, reports)]
    assert (recoveries[0], recoveries[-1]) == (False, True)
    expected = outcome(reports[-1])
    one = sitting(**options)
    while (end := one.go_on(1)[-1]).reason == "interrupted":
        pass
    assert (outcome(end), end.recoveries) == (expected, len(recoveries))


def test_many_small_sittings_of_a_training_by_the_clock(sitting, clock):
    """The clock goes on from where it was."""
    one = sitting(seconds=12.5)
    sittings = 0
    while (end := one.go_on(2)[-1]).reason == "interrupted":
        sittings += 1
        clock.now += 1000
    assert sittings == 5
    assert (end.reason, end.seconds) == ("time", 12)


def test_a_finished_training_is_finished(sitting):
    one = sitting(epochs=2)
    expected, content = outcome(one.go_on()[-1]), one.path.read_bytes()
    [end] = one.go_on()
    assert outcome(end) == expected
    assert one.path.read_bytes() == content, "nothing was done that would have to be kept"


@pytest.mark.parametrize(("length", "more"), [({"epochs": 2}, {"epochs": 4}), ({"steps": 7}, {"steps": 12})])
def test_a_finished_training_may_be_given_more(sitting, length, more):
    one = sitting(**length)
    first = one.go_on()[-1]
    second = one.go_on(**more)[-1]
    assert second.reason == first.reason
    assert (first.model.history.validations[-1].step, second.model.history.validations[-1].step) == (
        (7, 12) if "steps" in length else (10, 20)
    )
    assert second.tokens > first.tokens


def test_an_interrupted_training_may_be_given_more_before_it_is_at_its_end(sitting):
    one = sitting(epochs=2)
    one.go_on(3)
    assert one.go_on(epochs=3)[-1].model.history.validations[-1].step == 15


def test_what_a_validation_at_an_interruption_finds_is_not_kept(sitting):
    """It makes a model that can be used; the training knows nothing of it."""
    one = sitting(epochs=3, patience=1)
    end = one.go_on(2)[-1]
    assert end.best.step == 2
    assert read_checkpoint(one.path).history.validations == ()
    assert read_checkpoint(one.path).state.best is None


def test_the_order_of_an_epoch_is_not_walked_through(sitting, monkeypatch):
    """Going on inside an epoch asks for its windows from there on."""
    begun = []
    windows = Stream.windows

    def noting(self, epoch, begin=0):
        begun.append((epoch, begin))
        return windows(self, epoch, begin)

    monkeypatch.setattr(Stream, "windows", noting)
    one = sitting(epochs=3)
    one.go_on(8)
    one.go_on()
    assert begun == [(1, 0), (2, 0), (2, 3), (3, 0)]
