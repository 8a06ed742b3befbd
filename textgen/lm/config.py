"""What can be asked for: frozen dataclasses that check themselves.

Every default of the program stands here, once; what follows from the text instead stands in defaults.py.

Nothing heavy is imported here, so that the command line can read the defaults without loading NumPy.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Self

from textgen.core.cells import CELLS
from textgen.errors import ConfigError
from textgen.lm.sizes import SIZES
from textgen.text.tokenizers import TOKENIZERS
from textgen.text.units import UNITS

# What is still to be chosen for the corpus, see `defaults.settle`. All that computes is given settled configurations,
# in which nothing is None any more that is no choice of its own: so the fields' types say nothing of it.
CHOSEN: Any = None

OPTIMIZERS = ("adam", "sgd")
CLIP_MODES = ("norm", "value")
DROPOUT_KINDS = ("variational", "standard")  # one mask for a row's whole window, or one for each time step
SOFTMAXES = ("auto", "full", "adaptive")
_MOST_UNITS, _MOST_LAYERS = 1_000_000, 1_000  # far beyond what can be computed, and far below what overflows


def option_of(field: str) -> str:
    """The option that sets a field, without its dashes: 'time' of 'seconds', else 'max-vocab' of 'max_vocab'."""
    return "time" if field == "seconds" else field.replace("_", "-")


def check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raise ConfigError, naming the choices, unless `value` is one of them."""
    known = tuple(choices)
    if value not in known:
        raise ConfigError(f"unknown {option} '{value}'; choose from {', '.join(known)}")


def check_number(
    field: str,
    value: float | None,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise ConfigError, naming the range, unless least <= value <= most, above < value < below, and it is finite.

    None, what is still to be chosen, is always right.
    """
    if value is None:
        return
    is_finite = value - value == 0  # true of an integer of any size
    if is_finite and least <= value <= most and above < value < below:
        return
    bounds = [] if is_finite else ["finite"]
    bounds += [f"at least {least:.9g}"] if least > -math.inf else []
    bounds += [f"above {above:g}"] if above > -math.inf else []
    bounds += [f"at most {most:,.9g}"] if most < math.inf else []
    bounds += [f"below {below:g}"] if below < math.inf else []
    found = f"{value:g}" if isinstance(value, float) else str(value)
    raise ConfigError(f"--{option_of(field)} must be {' and '.join(bounds)}, not {found}")


class _Checked:
    """Reading from and writing to plain dictionaries (JSON, TOML), for the dataclasses below."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a dictionary of field names. Raises ConfigError at an unknown name or a wrong type."""
        known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"unknown setting '{unknown[0]}'; choose from {', '.join(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"settings of the wrong type: {error}") from error


@dataclass(frozen=True)
class TextConfig(_Checked):
    """How text becomes token ids."""

    tokenizer: str = "char"
    unit: str = "auto"
    lowercase: bool = False
    carry: bool = False
    min_count: int | None = None  # None: the tokenizer's own default
    max_vocab: int | None = None  # None: the tokenizer's own default; 0: no limit
    valid_fraction: float | None = None  # None: a tenth, at most 500,000 characters
    shuffle: bool = False

    def __post_init__(self) -> None:
        check_choice("--tokenizer", self.tokenizer, TOKENIZERS)
        check_choice("--unit", self.unit, UNITS)
        check_number("min_count", self.min_count, least=1)
        check_number("max_vocab", self.max_vocab, least=0)
        check_number("valid_fraction", self.valid_fraction, least=0, below=1)

    @property
    def level(self) -> str:
        """What a token is to a person: 'char' or 'word'."""
        return TOKENIZERS[self.tokenizer].level


@dataclass(frozen=True)
class NetworkConfig(_Checked):
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
        check_number("hidden", self.hidden, least=1, most=_MOST_UNITS)
        check_number("layers", self.layers, least=1, most=_MOST_LAYERS)
        check_number("embedding", self.embedding, least=0, most=_MOST_UNITS)
        check_number("head_layers", self.head_layers, least=0, most=_MOST_LAYERS)
        check_choice("--softmax", self.softmax, SOFTMAXES)
        object.__setattr__(self, "cutoffs", tuple(self.cutoffs))  # JSON makes it a list
        _check_cutoffs(self.softmax, self.cutoffs)
        if self.tie and self.embedding == 0:
            raise ConfigError("--tie and --embedding 0 contradict each other; give one of them")


def _check_cutoffs(softmax: str, cutoffs: tuple[int, ...]) -> None:
    """Raise ConfigError unless `cutoffs` are rising ids, or none are given; `<unk>` and `<eos>` come before them."""
    if any(not isinstance(cutoff, int) or isinstance(cutoff, bool) for cutoff in cutoffs):
        raise ConfigError(f"cutoffs must be whole numbers, not {list(cutoffs)}")
    if any(first >= second for first, second in pairwise((1, *cutoffs))):
        raise ConfigError(f"cutoffs must rise from 2 or more, not {list(cutoffs)}")
    if cutoffs and softmax == "full":
        raise ConfigError(f"the full softmax has no cutoffs, but {list(cutoffs)} were found")


@dataclass(frozen=True)
class TrainingConfig(_Checked):
    """How the network is trained. At most one of epochs, seconds and steps is set; if none, epochs are chosen."""

    size: str | None = None  # of SIZES: what the network has where it is not asked for one by one; None: chosen
    epochs: int | None = None
    seconds: float | None = None
    steps: int | None = None
    batch: int = CHOSEN
    bptt: int = CHOSEN
    optimizer: str = "adam"
    lr: float = CHOSEN
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup: int = CHOSEN  # steps
    clip: float = 1.0  # 0: no clipping
    clip_by: str = "norm"
    dropout: float = CHOSEN
    dropout_kind: str = "variational"
    word_dropout: float = 0.0
    patience: int = 8  # validations without a better one; 0: never stop early
    threads: int = 0  # 0: as many as this process may use
    seed: int = 1
    checkpoint_minutes: float = 2.0  # from one checkpoint to the next; 0: only at validations

    def __post_init__(self) -> None:
        limits = [option_of(name) for name in ("epochs", "seconds", "steps") if getattr(self, name) is not None]
        if len(limits) > 1:
            raise ConfigError(f"--{limits[0]} and --{limits[1]} contradict each other; give one of them")
        if self.size is not None:
            check_choice("--size", self.size, SIZES)
        check_number("epochs", self.epochs, least=1)
        check_number("seconds", self.seconds, above=0)
        check_number("steps", self.steps, least=1)
        check_number("batch", self.batch, least=1, most=_MOST_UNITS)
        check_number("bptt", self.bptt, least=1, most=_MOST_UNITS)
        check_choice("--optimizer", self.optimizer, OPTIMIZERS)
        check_number("lr", self.lr, above=0)
        check_number("momentum", self.momentum, least=0, below=1)
        check_number("weight_decay", self.weight_decay, least=0)
        check_number("warmup", self.warmup, least=0)
        check_number("clip", self.clip, least=0)
        check_choice("--clip-by", self.clip_by, CLIP_MODES)
        check_number("dropout", self.dropout, least=0, below=1)
        check_choice("--dropout-kind", self.dropout_kind, DROPOUT_KINDS)
        check_number("word_dropout", self.word_dropout, least=0, below=1)
        check_number("patience", self.patience, least=0)
        check_number("threads", self.threads, least=0)
        check_number("seed", self.seed, least=0)
        check_number("checkpoint_minutes", self.checkpoint_minutes, least=0)


@dataclass(frozen=True)
class SamplingConfig(_Checked):
    """How new text is drawn."""

    count: int = 5
    max_length: int = 500  # tokens
    temperature: float = 1.0
    top_k: int = 0  # 0: off
    top_p: float = 1.0  # 1: off
    min_p: float = 0.0  # 0: off
    greedy: bool = False
    allow_unk: bool = False
    seed: int | None = None  # None: a new one each time

    def __post_init__(self) -> None:
        check_number("count", self.count, least=1)
        check_number("max_length", self.max_length, least=1)
        check_number("temperature", self.temperature, above=0)
        check_number("top_k", self.top_k, least=0)
        check_number("top_p", self.top_p, above=0, most=1)
        check_number("min_p", self.min_p, least=0, most=1)
        check_number("seed", self.seed, least=0)

    def seeded(self) -> SamplingConfig:
        """The same with a seed; a new one, from the system, if there was none."""
        return self if self.seed is not None else replace(self, seed=secrets.randbits(32))
