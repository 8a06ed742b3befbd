"""What learns: the parameters in training, one update a window."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from textgen.core.kernels.dropout import Dropout
from textgen.core.kernels.optimizers import SGD, Adam, Average, clip_factor, gradient_size
from textgen.core.runtime.threads import Team
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.scoring import with_first_input
from textgen.lm.storage.model import LanguageModel
from textgen.nn.computation import Computation
from textgen.nn.parameters import Parameters
from textgen.text.tokens.windows import Window


class Learner:
    """The parameters of a model, their optimiser, and the hidden state that runs on from window to window.

    average : of the parameters, None where none is kept.
    """

    def __init__(self, model: LanguageModel, config: TrainingConfig, team: Team) -> None:
        self.model, self.config, self.team = model, config, team
        self.network, self.parameters = model.network, model.network.parameters
        self.computation = Computation(self.network, team, make_dropout(config))
        self.optimizer = _make_optimizer(config, self.parameters)
        vector = self.parameters.vector
        self.average = Average(vector.size, vector.dtype) if config.average else None

    def measure(self, window: Window, step: int) -> tuple[float, float] | None:
        """The mean loss of a window and the size of its gradient, which is kept; None if one is not finite."""
        gradient = self.parameters.gradient
        assert gradient is not None
        begun = with_first_input(window, self.model.first_input)
        loss = float(self.computation.forward_backward(begun, step).sum()) / window.targets.size
        size = gradient_size(gradient, self.config.clip_by, self.team)
        return (loss, size) if math.isfinite(loss) and math.isfinite(size) else None

    def update(self, rate: float, size: float) -> None:
        """Change the parameters by the gradient that was measured, at learning rate `rate`."""
        gradient = self.parameters.gradient
        assert gradient is not None
        self.optimizer.update(self.parameters.vector, gradient, rate, clip_factor(size, self.config.clip), self.team)
        if self.average is not None:
            self.average.add(self.parameters.vector, self.optimizer.updates, self.team)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the parameters are their average, where there is one.

        They are kept aside where the gradient lies, which nobody needs between two steps.
        """
        if self.average is None or not self.average.is_begun(self.optimizer.updates):
            yield
            return
        vector, aside = self.parameters.vector, self.parameters.gradient
        assert aside is not None
        aside[:] = vector
        vector[:] = self.average.vector
        try:
            yield
        finally:
            vector[:] = aside

    def go_back(self, vector: np.ndarray) -> None:
        """Begin again with other parameters; optimiser, average and hidden state are as at the start."""
        self.parameters.vector[:] = vector
        for kept in self._kept.values():
            kept[:] = 0
        self.optimizer.updates = 0
        self.computation.reset()

    def read(self, windows: Iterable[Window]) -> float:
        """The mean loss of consecutive windows, read from a state of zero, nothing being learnt; nats per token."""
        computation = Computation.without_training(self.network, self.team)
        nats, tokens = 0.0, 0
        for window in windows:
            nats += float(computation.forward(with_first_input(window, self.model.first_input)).sum())
            tokens += window.targets.size
        return nats / tokens

    def is_sound(self) -> bool:
        """Whether all parameters are finite."""
        return bool(np.isfinite(self.parameters.vector).all())

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters, optimiser's vectors, average and hidden states by name, no copies; see `Snapshot`."""
        vectors = {"parameters": self.parameters.vector, **self._kept}
        found: dict[str, np.ndarray] = {}
        for kind, vector in vectors.items():
            found |= {f"{kind}/{name}": part for name, part in self.parameters.split(vector).items()}
        return found | {f"state/layer{i}": layer.state for i, layer in enumerate(self.computation.recurrent)}

    @property
    def _kept(self) -> dict[str, np.ndarray]:
        """The vectors by name that hold what earlier updates have left."""
        return self.optimizer.vectors | ({} if self.average is None else {"average": self.average.vector})


def make_dropout(config: TrainingConfig) -> Dropout:
    """What is dropped in a training."""
    each_step = config.dropout_kind == "standard"
    return Dropout(config.dropout, config.word_dropout, each_step, config.seed)


def _make_optimizer(config: TrainingConfig, parameters: Parameters) -> Adam | SGD:
    vector, decay = parameters.vector, (config.weight_decay, parameters.weights)
    if config.optimizer == "adam":
        return Adam(vector.size, vector.dtype, *decay)
    return SGD(vector.size, vector.dtype, config.momentum, *decay)
