"""What the tests of training share: tasks, and a clock, reports and validations under their control."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.lm.tasks import ANIMALS, Task
from textgen.lm.config.text import TextConfig
from textgen.lm.progress import course, pace
from textgen.lm.progress import divergence as spikes
from textgen.lm.progress.course import StepCourse
from textgen.lm.progress.schedule import learning_rate
from textgen.lm.training import loop as training_module
from textgen.lm.training import session as run
from textgen.lm.training.validation import Nats
from textgen.text.corpus.corpus import read_corpus


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
def epochwise(monkeypatch):
    """Validations at the end of each epoch, and of the training; test_course.py is about where they are else."""

    class Epochwise(StepCourse):
        def __init__(self, steps, steps_per_epoch, *rest):
            super().__init__(steps, steps_per_epoch, *rest)
            self.steps_per_epoch = steps_per_epoch

        @property
        def is_validation_due(self):
            return self.is_over or self._at.step % self.steps_per_epoch == 0

    monkeypatch.setattr(course, "StepCourse", Epochwise)


@pytest.fixture
def every_step(monkeypatch):
    """A report of each step, with its own loss."""
    monkeypatch.setattr(pace, "_REPORT_SECONDS", 0)
    monkeypatch.setattr(spikes, "_SMOOTHING", 0)


@pytest.fixture
def clock(monkeypatch):
    """The time that the training sees: each step takes `step` seconds, all else none."""
    clock = SimpleNamespace(now=100.0, step=1.0)

    def learning_rate_at_a_later_time(*arguments):
        clock.now += clock.step
        return learning_rate(*arguments)

    monkeypatch.setattr(training_module, "compilation_timed", lambda: nullcontext(SimpleNamespace(seconds=0.0)))
    for module in (pace, training_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(run, "learning_rate", learning_rate_at_a_later_time)
    return clock


@pytest.fixture
def scripted(monkeypatch):
    """A function that replaces the measured validation losses, in nats per token, by given ones."""

    def script(losses):
        values = iter(losses)
        monkeypatch.setattr(run, "validation_nats", lambda model, text, team: Nats(next(values) * len(text.ids), 0.0))

    return script
