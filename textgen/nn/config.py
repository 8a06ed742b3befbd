"""The shape of a network: what can be asked for, and its defaults."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from textgen.checks import CHOSEN, MOST_LAYERS, MOST_UNITS, check_choice, check_number
from textgen.core.cells import CELLS
from textgen.errors import ConfigError

SOFTMAXES = ("auto", "full", "adaptive")


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network."""

    cell: str = "lstm"
    hidden: int = CHOSEN
    layers: int = CHOSEN
    embedding: int | None = None  # 0: one-hot; None: chosen like the others
    head_layers: int = 0
    tie: bool = CHOSEN  # the output layer's matrix is the embedding
    softmax: str = "auto"  # settled when a training is planned
    cutoffs: tuple[int, ...] = ()  # the first ids of the adaptive softmax's clusters; none: the softmax is full

    def __post_init__(self) -> None:
        check_choice("--cell", self.cell, CELLS)
        check_number("hidden", self.hidden, least=1, most=MOST_UNITS)
        check_number("layers", self.layers, least=1, most=MOST_LAYERS)
        check_number("embedding", self.embedding, least=0, most=MOST_UNITS)
        check_number("head_layers", self.head_layers, least=0, most=MOST_LAYERS)
        check_choice("--softmax", self.softmax, SOFTMAXES)
        _check_cutoffs(self.softmax, self.cutoffs)
        if self.tie and self.embedding == 0:
            raise ConfigError("--tie and --embedding 0 contradict each other; give one of them")


def _check_cutoffs(softmax: str, cutoffs: tuple[int, ...]) -> None:
    """Raise ConfigError unless `cutoffs` are rising ids, or none are given; `<unk>` and `<eos>` come before them."""
    if any(first >= second for first, second in pairwise((1, *cutoffs))):
        raise ConfigError(f"cutoffs must rise from 2 or more, not {list(cutoffs)}")
    if cutoffs and softmax == "full":
        raise ConfigError(f"the full softmax has no cutoffs, but {list(cutoffs)} were found")
