"""Training: what is kept, how it ends, and what is told about it."""

import json
import math
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from tests.lm.tasks import ANIMALS, PLAIN, SMALL, assert_usable, nats_per_token, of_type, vector_of
from textgen.core.runtime.threads import Team
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.evaluation import evaluate
from textgen.lm.inference.scoring import token_log_probabilities
from textgen.lm.planning.plan import plan
from textgen.lm.storage.history import CorpusFacts, History
from textgen.lm.training.loop import train
from textgen.lm.training.reports import CheckpointReport, StepReport, ValidationReport
from textgen.lm.training.validation import validation_nats
from textgen.nn.config import NetworkConfig

pytestmark = pytest.mark.usefixtures("epochwise")

# Validation


def test_the_validation_loss_is_what_evaluate_finds(animals, tmp_path):
    """Dropout is for training alone."""
    end = animals.end(epochs=3, dropout=0.5, word_dropout=0.5)
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
        assert nats == pytest.approx(validation_nats(end.model, animals.corpus.valid, team).total, rel=1e-12)
    assert nats / len(animals.corpus.valid.ids) == pytest.approx(losses[best], rel=1e-12)


def parameters_after_each_epoch(task, **options):
    """Without validation each epoch's parameters are the ones that are kept."""
    corpus = task.without_validation().corpus
    reports = train(corpus, task.text, plan(corpus, SMALL, TrainingConfig(**{**PLAIN, **options})))
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
    assert end.reason == end.model.history.stopped == reason
    assert [r.epoch for r in of_type(ValidationReport, reports)] == list(range(1, epochs + 1))
    assert (end.best.epoch, end.best.valid_loss) == (best, losses[best - 1])
    assert vector_of(end.model).tobytes() == parameters_after_each_epoch(animals, epochs=6)[best - 1]


def test_patience_begins_after_the_warm_up(animals, scripted):
    """As long as the learning rate rises, a loss may rise though all is well."""
    scripted([2, 3, 3, 3, 3, 3, 3, 3])
    steps = plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch
    end = animals.end(epochs=8, patience=1, warmup=4 * steps)
    assert (end.reason, end.model.history.validations[-1].epoch) == ("patience", 4)


def test_the_model_of_a_report_is_the_best_so_far(animals, scripted):
    """It may be saved at once."""
    scripted([3, 2, 2.5])
    seen = []
    the_plan = plan(animals.corpus, SMALL, TrainingConfig(**{**PLAIN, "epochs": 3}))
    for report in train(animals.corpus, animals.text, the_plan):
        if isinstance(report, ValidationReport):
            seen.append(vector_of(report.model).tobytes())
            assert nats_per_token(report.model, ["the cat sat."]) > 0
            if report.best:
                assert len(report.model.history.validations) == report.epoch
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
    assert end.reason == end.model.history.stopped == "steps"
    assert [(r.epoch, r.step) for r in of_type(ValidationReport, reports)] == [(1, steps), (2, steps + 2)]
    assert of_type(StepReport, reports)[-1].step == steps + 2
    assert of_type(StepReport, reports)[-1].progress == 1
    assert_usable(end.model)


def test_after_the_time(animals, clock):
    reports = animals.reports(seconds=7.5)
    end, steps = reports[-1], of_type(StepReport, reports)
    assert end.reason == end.model.history.stopped == "time"
    assert (end.best.step, end.best.seconds, end.seconds) == (7, 7, 7), "another step would end further from 7.5"
    assert [r.step for r in steps] == list(range(1, 8))
    assert [r.progress for r in steps] == sorted(r.progress for r in steps)
    assert 0.9 < steps[-1].progress <= 1
    assert steps[1].seconds_left == pytest.approx(5.5)
    assert {r.steps for r in steps} == {None}
    assert_usable(end.model)


@pytest.mark.parametrize("made", [3, 5, 7])
def test_when_it_is_asked_to_stop(animals, made):
    """In the first epoch, what was learnt is measured and kept; later, the best so far is given at once."""
    first = plan(animals.corpus, SMALL, TrainingConfig(**PLAIN)).steps_per_epoch
    assert first == 5
    asked = iter(range(1, 1000))
    reports = animals.reports(lambda: next(asked) > made, epochs=9)
    end = reports[-1]
    assert end.reason == end.model.history.stopped == "interrupted"
    [validation] = of_type(ValidationReport, reports)
    assert end.best is validation
    assert validation.step == min(made, first)
    assert vector_of(end.model).tobytes() == vector_of(validation.model).tobytes()
    assert of_type(CheckpointReport, reports)[-1].step == made
    assert_usable(end.model)


# What is told about it


def test_the_history_tells_the_course(animals, scripted):
    """To its end, not only to the best model; in plain values that JSON can hold."""
    before = datetime.now().astimezone() - timedelta(seconds=2)
    scripted([2.5, 2.0, 3.0, 4.0])
    reports = animals.reports(epochs=4, lr=0.05)
    end, history = reports[-1], reports[-1].model.history
    assert History.from_record(json.loads(json.dumps(history.as_record(), allow_nan=False))) == history
    assert TrainingConfig(**history.training) == TrainingConfig(**{**PLAIN, "epochs": 4, "lr": 0.05})
    assert (history.stopped, history.tokens) == ("epochs", end.tokens)
    assert end.tokens == of_type(ValidationReport, reports)[-1].tokens > end.best.tokens
    assert before < datetime.fromisoformat(history.created) <= datetime.now().astimezone()
    assert history.corpus == CorpusFacts(
        sha256=animals.corpus.sha256,
        characters=animals.corpus.characters,
        train_tokens=len(animals.corpus.train.ids),
        valid_tokens=len(animals.corpus.valid.ids),
    )
    names = ("epoch", "step", "tokens", "train_loss", "valid_loss", "bits_per_character", "perplexity")
    validations = of_type(ValidationReport, reports)
    assert [{n: getattr(entry, n) for n in names} for entry in history.validations] == [
        {n: getattr(report, n) for n in names} for report in validations
    ]
    seconds = [entry.seconds for entry in history.validations]
    assert all(one <= next_one for one, next_one in pairwise([0, *seconds, history.seconds]))


def test_the_model_is_what_was_asked_for(task):
    asked = task(ANIMALS, tokenizer="word", lowercase=True)
    end = asked.end(steps=2, network={"cell": "gru", "hidden": 6, "embedding": 4})
    assert end.model.text == asked.text
    assert end.model.vocabulary == asked.corpus.vocabulary
    assert end.model.network.config == NetworkConfig(
        cell="gru", hidden=6, layers=1, embedding=4, tie=False, softmax="full"
    )
    assert not end.model.network.training
