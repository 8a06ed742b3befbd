"""How a model came to be: its text, its training's options, what each validation found. It stands in the model's file.

A file may hold names that are not known here (a later version wrote it), and lack those that have a default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, get_type_hints

from textgen.checks import build, typed
from textgen.lm.config.training import TrainingConfig

Option = str | bool | int | float | None


@dataclass(frozen=True)
class CorpusFacts:
    """The text that a model learnt. sha256 : empty if nothing is known of it. files : their names."""

    sha256: str = ""
    characters: int = 0
    train_tokens: int = 0
    valid_tokens: int = 0
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class BaseModel:
    """The model that a training began with.

    name : by which it was asked for. sha256 : of its parameters, as `LanguageModel` has it. vocabulary : what became of
    its tokens, one of VOCABULARIES. corpus : that it had learnt.
    """

    name: str
    sha256: str
    vocabulary: str
    corpus: CorpusFacts = CorpusFacts()


@dataclass(frozen=True)
class Validation:
    """What a validation found, and when.

    tokens, seconds : of the training until then. train_loss : nats per token since the validation before. valid_loss,
    bits_per_character, perplexity : None if nothing is held out. first_token_loss : nats per first token of a held-out
    sequence, of which the figures for all tokens show little; None, too, in a history from before it was measured. In a
    file each of the five is None, too, where it was not finite.
    """

    epoch: int
    step: int
    tokens: int
    seconds: float
    train_loss: float | None
    valid_loss: float | None
    bits_per_character: float | None
    perplexity: float | None
    first_token_loss: float | None = field(default=None, kw_only=True)

    @property
    def judged(self) -> float:
        """The loss that decides which model is the best: the validation's, or the training's if nothing is held out.

        NaN if it is not known.
        """
        judged = self.train_loss if self.valid_loss is None else self.valid_loss
        return math.nan if judged is None else judged


@dataclass(frozen=True)
class History:
    """The course of a training.

    created : when it was begun, ISO 8601. training : its options, by the names of then. tokens, seconds : that it took
    until the best validation or, at its end, in all. stopped : why it ended; None as long as it goes on. base : what it
    began with; None: with parameters that were drawn.
    """

    created: str = ""
    corpus: CorpusFacts = CorpusFacts()
    training: dict[str, Option] = field(default_factory=dict)
    validations: tuple[Validation, ...] = ()
    tokens: int | None = None
    seconds: float | None = None
    stopped: str | None = None
    base: BaseModel | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError if an option that is known has another type than ours."""
        types = get_type_hints(TrainingConfig)
        for name, value in self.training.items():
            typed(name, types.get(name, Option), value)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The history that `as_record` wrote, of any version. Raises ConfigError at what cannot be one."""
        return build(cls, record, lacking=True, unknown=True)

    def as_record(self) -> dict[str, Any]:
        """All that is known, by name, for JSON."""
        record = {name: value for name, value in asdict(self).items() if value is not None}
        for validation in record["validations"]:
            if validation["first_token_loss"] is None:  # as earlier versions wrote it
                del validation["first_token_loss"]
        return record

    @property
    def best(self) -> Validation | None:
        """The validation of the least loss on the held-out part; None if nothing was held out."""
        held_out = [
            (one.valid_loss, number) for number, one in enumerate(self.validations) if one.valid_loss is not None
        ]
        return self.validations[min(held_out)[1]] if held_out else None
