"""How a network is trained: what can be asked for, and its defaults.

What follows from the text instead stands in `lm/planning/defaults.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from textgen.checks import CHOSEN, MOST_STEPS, MOST_UNITS, check_choice, check_number, option_of
from textgen.errors import ConfigError
from textgen.lm.config.sizes import SIZES

OPTIMIZERS = ("adam", "sgd")
CLIP_MODES = ("norm", "value")
DROPOUT_KINDS = ("variational", "standard")  # one mask for a row's whole window, or one for each time step


@dataclass(frozen=True)
class TrainingConfig:
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
    word_dropout: float = CHOSEN
    average: bool = CHOSEN  # validate and keep an average of the parameters
    patience: int = 4  # validations without a better one; 0: never stop early
    threads: int = 0  # 0: as many as this process may use
    seed: int = 1
    checkpoint_minutes: float = 2.0  # from one checkpoint to the next; 0: only at validations

    def __post_init__(self) -> None:
        limits = [option_of(name) for name in ("epochs", "seconds", "steps") if getattr(self, name) is not None]
        if len(limits) > 1:
            raise ConfigError(f"--{limits[0]} and --{limits[1]} contradict each other; give one of them")
        if self.size is not None:
            check_choice("--size", self.size, SIZES)
        check_number("epochs", self.epochs, least=1, most=MOST_STEPS)
        check_number("seconds", self.seconds, above=0)
        check_number("steps", self.steps, least=1, most=MOST_STEPS)
        check_number("batch", self.batch, least=1, most=MOST_UNITS)
        check_number("bptt", self.bptt, least=1, most=MOST_UNITS)
        check_choice("--optimizer", self.optimizer, OPTIMIZERS)
        check_number("lr", self.lr, above=0)
        check_number("momentum", self.momentum, least=0, below=1)
        check_number("weight_decay", self.weight_decay, least=0)
        if self.lr is not None and self.lr * self.weight_decay >= 1:
            raise ConfigError(
                f"--weight-decay {self.weight_decay:g} takes away all of each weight in a step, and more, at --lr"
                f" {self.lr:g}; their product must be below 1"
            )
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
