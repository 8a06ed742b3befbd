"""Training, step by step: clipping, momentum, decay, dropout, and what is reported of each step."""

from dataclasses import replace

import numpy as np
import pytest

from tests.lm.tasks import ANIMALS, NO_LEARNING, PLAIN, SMALL, of_type, vector_of
from textgen.core.kernels.dropout import Dropout
from textgen.core.runtime.threads import Team
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.scoring import with_first_input
from textgen.lm.planning.plan import plan
from textgen.lm.progress import divergence as spikes
from textgen.lm.progress import pace
from textgen.lm.progress.schedule import learning_rate
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training import session as run
from textgen.lm.training.reports import StepReport, ValidationReport
from textgen.nn.computation import Computation
from textgen.text.tokens.windows import stream_windows

pytestmark = pytest.mark.usefixtures("epochwise")


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
    monkeypatch.setattr(run, "learning_rate", lambda *_: 1e-3)
    one_window = replace(animals, corpus=replace(animals.corpus, valid=None), text=replace(animals.text, carry=True))
    options = {"optimizer": "sgd", "clip": 0.0, "batch": 1, "bptt": 10_000, "momentum": 0.8}
    start = vector_of(LanguageModel.new(one_window.text, SMALL, animals.corpus.vocabulary, 1))
    first, second = (vector_of(one_window.end(epochs=epochs, **options).model) - start for epochs in (1, 2))
    assert np.linalg.norm(first) > 1e-4
    assert np.linalg.norm(second - 2.8 * first) < 0.02 * np.linalg.norm(first)


def test_the_model_is_the_average_of_the_parameters(animals, monkeypatch):
    """Those after the eighth, 16th and 24th update, later ones weighing more."""
    monkeypatch.setattr(run, "learning_rate", lambda *_: 1e-2)
    alone = replace(animals, corpus=replace(animals.corpus, valid=None))
    vectors = [vector_of(alone.end(steps=steps, average=False).model) for steps in (8, 16, 24)]
    averaged = vector_of(alone.end(steps=24).model)
    np.testing.assert_allclose(averaged, np.average(vectors, axis=0, weights=[1, 5, 15]), atol=1e-6)


def test_before_the_eighth_update_there_is_no_average(animals):
    first, other = (vector_of(animals.end(steps=7, average=average).model) for average in (True, False))
    assert first.tobytes() == other.tobytes()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay(animals, optimizer):
    """Beside the same step, 0.5 * 0.01 of each weight is taken off, and nothing of a bias."""
    options = {"steps": 1, "optimizer": optimizer, "lr": 0.01}
    start = LanguageModel.new(animals.text, SMALL, animals.corpus.vocabulary, 1).network.parameters
    free, decayed = (animals.end(**options, weight_decay=decay).model.network.parameters for decay in (0.0, 0.5))
    for name in start.names():
        lost = 0 if name.endswith("bias") else 0.005 * start[name]
        np.testing.assert_allclose(decayed[name], free[name] - lost, atol=1e-6, err_msg=name)
    assert start["layer0.bias"].any(), "forget gates start open"


@pytest.mark.parametrize(("kind", "words"), [("variational", 0.0), ("standard", 0.0), ("variational", 0.3)])
def test_dropout_is_drawn_by_seed_and_step(task, every_step, kind, words):
    """Longhand: the same windows, through a network of the same seed, with the masks of steps 0, 1, 2..."""
    asked = task(ANIMALS, carry=True)
    options = {"dropout": 0.5, "dropout_kind": kind, "word_dropout": words}
    steps = of_type(StepReport, asked.reports(epochs=2, lr=NO_LEARNING, seed=3, **options))
    model = LanguageModel.new(asked.text, SMALL, asked.corpus.vocabulary, seed=3, training=True)
    with Team(1) as team:
        computation = Computation(model.network, team, Dropout(0.5, words, kind == "standard", seed=3))
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
    monkeypatch.setattr(pace, "_REPORT_SECONDS", 0)
    found = {}
    for smoothing in (0, 0.9):
        monkeypatch.setattr(spikes, "_SMOOTHING", smoothing)
        found[smoothing] = [r.loss for r in of_type(StepReport, animals.reports(steps=12))]
    for n, loss in enumerate(found[0.9], 1):
        assert loss == pytest.approx(np.average(found[0][:n], weights=0.9 ** np.arange(n)[::-1]), rel=1e-9)


def test_time_in_the_reports(animals, clock):
    """There is one of the first step, one whenever 0.2 seconds have passed, and one of the last step."""
    clock.step = 0.06
    reports = of_type(StepReport, animals.reports(steps=10))
    assert [r.step for r in reports] == [1, 5, 9, 10]
    tokens = {r.step: r.tokens for r in reports}
    assert reports[2].seconds == pytest.approx(0.06 * 9)
    assert reports[2].seconds_left == pytest.approx(0.06 * 1)
    assert reports[2].tokens_per_second == pytest.approx((tokens[9] - tokens[5]) / (0.06 * 4))
