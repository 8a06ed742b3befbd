"""A training between two steps: what it consists of, what can be done with it, how it is captured and restored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from textgen.core.runtime.compile_clock import CompileClock
from textgen.core.runtime.threads import Team
from textgen.lm.config.text import TextConfig
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import TrainingPlan
from textgen.lm.progress.checkpoint import Checkpoint
from textgen.lm.progress.course import course_of
from textgen.lm.progress.divergence import SpikeWatch, frequency_loss, token_costs
from textgen.lm.progress.means import Mean
from textgen.lm.progress.pace import Pace
from textgen.lm.progress.schedule import learning_rate
from textgen.lm.progress.state import MORE, Snapshot, State
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training.best import BestModel
from textgen.lm.training.learner import Learner
from textgen.lm.training.reports import RecoveryReport, ValidationReport
from textgen.lm.training.stream import Stream
from textgen.lm.training.validation import figures_of, new_history, to_history, tokens_read, validation_nats
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.windows import Window

_READ_AGAIN = 256  # time steps of the text on which the loss was lowest
_LEARNT_LAST = 2048  # tokens, on which parameters are tried with which the held-out part goes worse than by chance


class Run:
    """One training, where it stands."""

    def __init__(
        self, corpus: Corpus, text: TextConfig, the_plan: TrainingPlan, team: Team, compiling: CompileClock
    ) -> None:
        self.corpus, self.plan, self.team, self.compiling = corpus, the_plan, team, compiling
        self.config = training = the_plan.training
        network, vocabulary, seed = the_plan.network, corpus.vocabulary, training.seed
        self.model = LanguageModel.new(text, network, vocabulary, seed, training=True)
        self.model.history = new_history(corpus, training)
        self.best = BestModel(LanguageModel.new(text, network, vocabulary, seed))
        self.learner = Learner(self.model, training, team)
        self.learner.computation.prepare(the_plan.bptt, the_plan.batch)
        self.stream = Stream(corpus.train, the_plan.batch, the_plan.bptt, text.carry, seed)
        self.windows: Iterator[Window] | None = None  # those of the epoch that are left
        self.token_costs = token_costs(vocabulary)
        self.state = State(self._new_watch())
        self.course = course_of(the_plan, len(corpus.train.ids), tokens_read(corpus.valid, text.carry))
        self.pace = self._pace(0.0, is_resumed=False)

    # Where it stands

    def snapshot(self) -> Snapshot:
        """All that is needed to go on from here."""
        self.state.seconds, self.state.course = self.pace.seconds, self.course.state()
        return Snapshot(self.state, self.model.history, self._arrays())

    def begin_with(self, base: Base) -> None:
        """Let the parameters be those of another model before the first step."""
        for model in (self.model, self.best.model):
            base.give(model)
        self.model.history = replace(self.model.history, base=base.facts)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint. Raises ModelFileError if it does not fit."""
        state = self.state = checkpoint.state
        self.model.history = checkpoint.history
        checkpoint.fill(self._arrays())
        checkpoint.restore(self.course)
        self.learner.optimizer.updates = state.step - state.warm_from
        if state.best is not None:
            self.best.restored(self.model.history.validations[state.best], self.team)
        if state.stopped in MORE and not (self.course.is_over or self.is_out_of_patience):
            state.stopped = None  # it was given more
        self.pace = self._pace(state.seconds, is_resumed=True)

    def _pace(self, before: float, *, is_resumed: bool) -> Pace:
        seconds = 60 * self.config.checkpoint_minutes
        return Pace(before, seconds, lambda: self.compiling.seconds, is_resumed=is_resumed)

    def _arrays(self) -> dict[str, np.ndarray]:
        """The best parameters are left out as long as they are those that the seed gives."""
        arrays, history = self.learner.arrays(), self.model.history
        return arrays if self.state.best is None and history.base is None else arrays | self.best.arrays()

    # Learning

    @property
    def highest_rate(self) -> float:
        """The highest learning rate, halved by each divergence."""
        return self.config.lr * 0.5**self.state.recoveries

    def learn(self) -> tuple[int, float, float] | None:
        """One update on the next window: its tokens, the gradient's size, the learning rate.

        None, the parameters being as they were, if the loss or its gradient is not finite.
        """
        state, window = self.state, self._next_window()
        measured = self.learner.measure(window, state.step)
        if measured is None:
            return None
        loss, size = measured
        rate = learning_rate(self.highest_rate, state.step - state.warm_from, self.config.warmup, self.course.progress)
        self.learner.update(rate, size)
        tokens = window.targets.size
        state.step += 1
        state.tokens += tokens
        state.recent.add(loss, tokens)
        state.spikes.add(loss, frequency_loss(window, self.token_costs), state.epoch, state.window)
        self.course.advance(state.step, state.tokens, self.pace.seconds)
        return tokens, size, rate

    def _next_window(self) -> Window:
        """The next window of the stream; the hidden state begins anew with each epoch."""
        state = self.state
        while True:
            if self.windows is None:
                self.windows = self.stream.windows(state.epoch, state.window)
                if state.window == 0:
                    self.learner.computation.reset()
            window = next(self.windows, None)
            if window is not None:
                state.window += 1
                return window
            self.windows = None
            state.epoch, state.window = state.epoch + 1, 0

    # Validations

    def validate(self) -> ValidationReport:
        """Measure the parameters, or their average, on the held-out part, and keep them if they are the best so far."""
        with self.learner.averaged():
            return self._validate()

    def _validate(self) -> ValidationReport:
        state, valid, began = self.state, self.corpus.valid, self.pace.seconds
        figures = figures_of(None if valid is None else validation_nats(self.model, valid, self.team), valid)
        loss = state.recent.value
        judged = loss if valid is None else figures["valid_loss"]
        best = math.inf if self.best.report is None or valid is None else self.best.report.judged
        is_best = self.is_sound(judged) and judged < best and self._has_learnt(judged)
        ended = self.pace.seconds
        report = ValidationReport(
            epoch=state.epoch,
            step=state.step,
            tokens=state.tokens,
            seconds=ended,
            train_loss=loss,
            **figures,
            best=is_best,
            model=self.best.model,
        )
        self.course.validated(began, ended)
        self._take_in(report)
        return report

    def _take_in(self, report: ValidationReport) -> None:
        state, history = self.state, self.model.history
        state.validated, state.recent = state.step, Mean()
        state.unimproved = 0 if report.best else state.unimproved + 1
        self.model.history = replace(history, validations=(*history.validations, to_history(report)))
        if report.best:
            state.best = len(history.validations)
            self.best.keep(report, self.learner.parameters.vector, self.team)
            self.best.tell(self.model.history, self.pace.seconds, state.tokens)

    @property
    def is_out_of_patience(self) -> bool:
        """Whether too many validations in a row were no better; before the warm-up's end they need not be."""
        is_warm = self.state.step - self.state.warm_from >= self.config.warmup
        return is_warm and 0 < self.config.patience <= self.state.unimproved

    def is_sound(self, loss: float | None) -> bool:
        """Whether the parameters and their loss are finite."""
        return loss is not None and math.isfinite(loss) and self.learner.is_sound()

    def _has_learnt(self, judged: float) -> bool:
        """Whether the parameters do better than chance, or hardly worse.

        Whoever has learnt a text by heart may do far worse on another one than chance does. Whoever has come off the
        course does so on the text that was learnt last, too.
        """
        state, spikes = self.state, self.state.spikes
        if self.corpus.valid is not None and not spikes.is_far_above_chance(judged):
            return True
        learnt_last = self._before(state.epoch, state.window, -(-_LEARNT_LAST // self.plan.batch))
        return not spikes.is_far_above_chance(self.learner.read(learnt_last))

    def _before(self, epoch: int, window: int, steps: int) -> list[Window]:
        """The windows of an epoch before number `window`, so many that they hold `steps` time steps if there are."""
        first = max(0, window - -(-steps // self.plan.bptt))
        return list(islice(self.stream.windows(epoch, first), window - first))

    # Divergence

    def has_spike(self) -> bool:
        """Whether the training has diverged, though its numbers are finite; see `SpikeWatch`."""
        state, spikes = self.state, self.state.spikes
        if not spikes.is_suspicious:
            return False
        windows = self._before(spikes.epoch, spikes.window, _READ_AGAIN)
        frequencies = Mean()
        for window in windows:
            frequencies.add(frequency_loss(window, self.token_costs), window.targets.size)
        if spikes.is_bad(self.learner.read(windows), frequencies.value):
            return True
        spikes.acquit(state.epoch, state.window)
        return False

    def _new_watch(self) -> SpikeWatch:
        return SpikeWatch(math.log(len(self.token_costs)))

    def go_back(self, cause: str) -> RecoveryReport:
        """Back to the best parameters so far, with half the learning rate; in the text on behind the last window."""
        state, loss = self.state, self.state.spikes.loss.value
        state.recoveries += 1
        state.warm_from = state.validated = state.step
        state.recent, state.spikes = Mean(), self._new_watch()
        self.learner.go_back(self.best.vector)
        return RecoveryReport(
            cause=cause,
            epoch=state.epoch,
            step=state.step,
            tokens=state.tokens,
            loss=loss if math.isfinite(loss) else None,
            back_to=0 if self.best.report is None else self.best.report.step,
            learning_rate=self.highest_rate,
            number=state.recoveries,
        )
