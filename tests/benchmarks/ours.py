"""textgen's side of the benchmarks. PyTorch is not imported here: its memory must not count as ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.benchmarks.cases import CLIP, RATE, Shape
from tests.benchmarks.texts import Texts
from tests.benchmarks.timing import Contender, Work, over
from textgen.core.kernels.optimizers import Adam, clip_factor, gradient_size
from textgen.core.runtime.threads import Team
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.sampling import sample
from textgen.nn.computation import Computation
from textgen.nn.network import Network
from textgen.text.tokens.vocabulary import EOS_ID, Vocabulary
from textgen.text.tokens.windows import Window


def new_network(shape: Shape, V: int, training: bool, dtype: type[np.floating] = np.float32) -> Network:
    """A network of random parameters."""
    network = Network(shape.config, V, V, dtype, training)
    network.initialize(1)
    return network


def training_step(network: Network, team: Team) -> Callable[[Window], float]:
    """A function that makes one update and returns the mean loss before it."""
    computation, parameters = Computation(network, team), network.parameters
    optimizer = Adam(parameters.vector.size, parameters.vector.dtype)
    gradient = parameters.gradient
    assert gradient is not None

    def step(window: Window) -> float:
        loss = float(computation.forward_backward(window).mean())
        factor = clip_factor(gradient_size(gradient, "norm", team), CLIP)
        optimizer.update(parameters.vector, gradient, RATE, factor, team)
        return loss

    return step


def training(shape: Shape, texts: Texts, team: Team) -> Contender:
    """Training steps."""

    def build() -> Work:
        network = new_network(shape, texts.vocabulary_size(shape.level), training=True)
        return over(texts.windows(shape.level, shape.B, shape.T), training_step(network, team))

    return Contender(f"textgen {shape}", "", shape.tokens, build)


def log_probabilities(network: Network, window: Window, team: Team) -> np.ndarray:
    """Of each target, (T, B), from a state of zeros."""
    return -Computation.without_training(network, team).forward(window)


def scoring(network: Network, windows: list[Window], team: Team) -> Contender:
    """Windows of given text."""

    def build() -> Work:
        return over(windows, Computation.without_training(network, team).forward)

    return Contender("textgen", "", windows[0].targets.size, build)


def endless_model(shape: Shape, vocabulary: Vocabulary) -> LanguageModel:
    """A model of random parameters that hardly ever ends a sequence."""
    model = LanguageModel.new(TextConfig(), shape.config, vocabulary, seed=1)
    model.network.parameters["output.bias"][EOS_ID] = -30
    model.network.pack()
    return model


def sampling(model: LanguageModel, B: int, threads: int) -> Contender:
    """B sequences side by side; a unit is one token of each."""

    def work(units: int) -> None:
        config = SamplingConfig(count=B, max_length=units, allow_unk=True, seed=1)
        tokens = sum(sample.tokens for sample in sample(model, config, threads=threads))
        assert tokens == B * units, "a sequence has ended early"

    return Contender("textgen", "", B, lambda: work)
