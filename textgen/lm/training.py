"""Training: truncated back-propagation through time over the packed corpus, told as a stream of reports."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from textgen.core.dropout import Dropout
from textgen.core.optimizers import SGD, Adam, clip_factor, gradient_size
from textgen.core.schedule import learning_rate
from textgen.core.threads import Team
from textgen.lm.config import NetworkConfig, TextConfig, TrainingConfig
from textgen.lm.evaluation import bits_per_character
from textgen.lm.means import Mean, RunningMean
from textgen.lm.model import LanguageModel
from textgen.lm.network import Computation, Parameters
from textgen.lm.plan import TrainingPlan, plan
from textgen.lm.reports import Finished, Report, StepReport, ValidationReport
from textgen.lm.scoring import perplexity, with_first_input
from textgen.text.corpus import Corpus, PackedText
from textgen.text.windows import Window, evaluation_windows, shuffled, stream_windows

_REPORT_SECONDS = 0.2  # between two step reports
_SMOOTHING = 0.98  # of the running mean of the training loss, a step
_CONTEXT = 256  # tokens before a validation row's first one that bring its state up


def train(
    corpus: Corpus,
    text: TextConfig,
    network: NetworkConfig,
    training: TrainingConfig,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Report]:
    """Train a model on `corpus`; the last report is Finished, the first is that of the first step.

    text : with its unit settled. should_stop : asked after each step; True ends the training in good order.
    A loss or gradient that is not finite ends it, too, with the reason "diverged" and the last good model.
    """
    the_plan = plan(corpus, network, training)
    with Team(the_plan.threads) as team:
        yield from _Training(corpus, text, the_plan.training, the_plan, team, should_stop).run()


class _Training:
    """One training from its first step to its end."""

    def __init__(
        self,
        corpus: Corpus,
        text: TextConfig,
        training: TrainingConfig,
        the_plan: TrainingPlan,
        team: Team,
        should_stop: Callable[[], bool],
    ) -> None:
        self.corpus, self.text, self.config, self.plan, self.team = corpus, text, training, the_plan, team
        self.should_stop = should_stop
        network = the_plan.network
        self.model = LanguageModel.new(text, network, corpus.vocabulary, training.seed, training=True)
        self.model.history = _new_history(corpus, training)
        self.best_model = LanguageModel.new(text, network, corpus.vocabulary, training.seed)
        self.network, self.parameters = self.model.network, self.model.network.parameters
        self.computation = Computation(self.network, team, make_dropout(training))
        self.optimizer = _make_optimizer(training, self.parameters)
        self.order = np.random.Generator(np.random.PCG64(training.seed))
        self.step = self.epoch = self.tokens = 0
        self.started = self.reported = time.monotonic()
        self.reported_tokens = 0
        self.running_loss = RunningMean(_SMOOTHING)
        self.best: ValidationReport | None = None
        self.epochs_since_best = 0

    def run(self) -> Iterator[Report]:
        """All reports of the training."""
        reason = None
        while reason is None:
            self.epoch += 1
            epoch_loss = Mean()
            for window in self._epoch_windows():
                report = self._train_step(window, epoch_loss)
                reason = self._reason_to_stop() if report is not None else "diverged"
                if report is not None and (reason or self._is_report_due()):
                    yield self._mark_reported(report)
                if reason:
                    break
            if reason == "diverged" or (reason == "interrupted" and self.best is not None):
                break  # what has been learnt since the last validation is not worth the user's waiting
            validation = self._validate(epoch_loss.value)
            yield validation
            reason = (reason or self._reason_to_end()) if self._is_sound(validation.judged) else "diverged"
        yield self._finish(reason)

    def _epoch_windows(self) -> Iterator[Window]:
        """The windows of one pass: sequences in a new order, unless the state runs on from one to the next."""
        train, carry = self.corpus.train, self.text.carry
        ids = train.ids if carry or len(train) == 1 else shuffled(train, self.order)
        self.computation.reset()
        windows = stream_windows(ids, self.plan.batch, self.plan.bptt, carry)
        return (with_first_input(window, self.model.first_input) for window in windows)

    def _train_step(self, window: Window, epoch_loss: Mean) -> StepReport | None:
        """One update; None if the loss or the gradient is not finite, the parameters being as they were."""
        config, gradient = self.config, self.parameters.gradient
        assert gradient is not None
        tokens = window.targets.size
        loss = float(self.computation.forward_backward(window, self.step).sum()) / tokens
        size = gradient_size(gradient, config.clip_by, self.team)
        if not (math.isfinite(loss) and math.isfinite(size)):
            return None
        if self.best is None:  # until a validation finds a best one, the last model known to be sound
            self.best_model.network.parameters.vector[:] = self.parameters.vector
        rate = learning_rate(config.lr, self.step, config.warmup, self._progress())
        self.optimizer.update(self.parameters.vector, gradient, rate, clip_factor(size, config.clip), self.team)
        self.step += 1
        self.tokens += tokens
        epoch_loss.add(loss, tokens)
        return self._step_report(self.running_loss.add(loss), size, rate)

    def _step_report(self, loss: float, size: float, rate: float) -> StepReport:
        now = time.monotonic()
        progress, seconds = self._progress(), now - self.started
        return StepReport(
            step=self.step,
            steps=self._all_steps(),
            epoch=self.epoch,
            progress=progress,
            tokens=self.tokens,
            loss=loss,
            gradient_norm=size,
            learning_rate=rate,
            tokens_per_second=(self.tokens - self.reported_tokens) / max(now - self.reported, 1e-9),
            seconds=seconds,
            seconds_left=seconds * (1 - progress) / progress if progress else None,
        )

    def _is_report_due(self) -> bool:
        """At the first step, from which on there is something to save, and from time to time."""
        return self.step == 1 or time.monotonic() - self.reported >= _REPORT_SECONDS

    def _mark_reported(self, report: StepReport) -> StepReport:
        self.reported, self.reported_tokens = time.monotonic(), self.tokens
        return report

    def _all_steps(self) -> int | None:
        if self.plan.epochs is not None:
            return self.plan.epochs * self.plan.steps_per_epoch
        return self.plan.steps

    def _progress(self) -> float:
        steps = self._all_steps()
        if steps is not None:
            return self.step / steps
        assert self.plan.seconds is not None
        return min(1.0, (time.monotonic() - self.started) / self.plan.seconds)

    def _reason_to_stop(self) -> str | None:
        """Why no further step is to be made, asked after each one."""
        if self.should_stop():
            return "interrupted"
        if self.plan.steps is not None and self.step >= self.plan.steps:
            return "steps"
        if self.plan.seconds is not None and self._progress() >= 1:
            return "time"
        return None

    def _reason_to_end(self) -> str | None:
        """Why no further epoch is to begin, asked after each validation."""
        if self.plan.epochs is not None and self.epoch >= self.plan.epochs:
            return "epochs"
        is_warm = self.step >= self.config.warmup  # before, the loss may rise though all is well
        if is_warm and self.config.patience and self.epochs_since_best >= self.config.patience:
            return "patience"
        return "interrupted" if self.should_stop() else None

    def _validate(self, train_loss: float) -> ValidationReport:
        """Measure the parameters on the held-out part, and keep them if they are the best so far."""
        valid_loss = bits = valid_perplexity = None
        if self.corpus.valid is not None:
            nats = validation_nats(self.model, self.corpus.valid, self.team)
            valid_loss = nats / len(self.corpus.valid.ids)
            bits = bits_per_character(nats, int(self.corpus.valid.characters.sum()))
            valid_perplexity = perplexity(nats, len(self.corpus.valid.ids))
        judged = train_loss if valid_loss is None else valid_loss
        best = math.inf if self.best is None or valid_loss is None else self.best.judged
        is_best = self._is_sound(judged) and judged < best
        report = ValidationReport(
            epoch=self.epoch,
            step=self.step,
            tokens=self.tokens,
            seconds=time.monotonic() - self.started,
            train_loss=train_loss,
            valid_loss=valid_loss,
            bits_per_character=bits,
            perplexity=valid_perplexity,
            best=is_best,
            model=self.best_model,
        )
        self.model.history["validations"].append(_without_model(report))
        self.epochs_since_best = 0 if is_best else self.epochs_since_best + 1
        if is_best:
            self.best = report
            self._keep()
        return report

    def _is_sound(self, loss: float) -> bool:
        """Whether the parameters and their loss are finite."""
        return math.isfinite(loss) and bool(np.isfinite(self.parameters.vector).all())

    def _keep(self) -> None:
        """Make the current parameters the best model's."""
        self.best_model.network.parameters.vector[:] = self.parameters.vector
        self.best_model.network.pack(self.team)
        self._keep_history()

    def _keep_history(self) -> None:
        seconds = time.monotonic() - self.started
        self.best_model.history = {**self.model.history, "tokens": self.tokens, "seconds": round(seconds, 3)}

    def _finish(self, reason: str) -> Finished:
        if self.best is None:  # diverged before any validation: the parameters before the last update
            self.best_model.network.pack(self.team)
        self._keep_history()
        self.best_model.history["stopped"] = reason
        return Finished(self.best_model, reason, self.best, time.monotonic() - self.started, self.tokens)


def validation_nats(model: LanguageModel, text: PackedText, team: Team) -> float:
    """The sum of -log P over the tokens of `text`.

    Long sequences are cut, so that many rows run side by side; each row's state is brought up by the 256 tokens before
    it. Where no sequence is longer than that, the figure is `evaluate`'s own.
    """
    total = 0.0
    computation = Computation.without_training(model.network, team)
    for window, _ in evaluation_windows(text, 32, 64, _CONTEXT, model.text.carry):
        total += float(computation.forward(with_first_input(window, model.first_input)).sum())
    return total


def make_dropout(config: TrainingConfig) -> Dropout:
    """What is dropped in a training."""
    each_step = config.dropout_kind == "standard"
    return Dropout(config.dropout, config.word_dropout, each_step, config.seed)


def _make_optimizer(config: TrainingConfig, parameters: Parameters) -> Adam | SGD:
    vector, decay = parameters.vector, (config.weight_decay, parameters.weights)
    if config.optimizer == "adam":
        return Adam(vector.size, vector.dtype, *decay)
    return SGD(vector.size, vector.dtype, config.momentum, *decay)


def _without_model(report: ValidationReport) -> dict[str, Any]:
    """A report fit for JSON."""
    values = {name: getattr(report, name) for name in report.__dataclass_fields__ if name not in ("model", "best")}
    values["seconds"] = round(report.seconds, 3)
    return values


def _new_history(corpus: Corpus, training: TrainingConfig) -> dict[str, Any]:
    """How a model came to be, as it stands before the first step."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "corpus": {
            "sha256": corpus.sha256,
            "characters": corpus.characters,
            "train_tokens": len(corpus.train.ids),
            "valid_tokens": 0 if corpus.valid is None else len(corpus.valid.ids),
        },
        "training": asdict(training),
        "validations": [],
    }
