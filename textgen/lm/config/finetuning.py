"""Which model a training begins with: what can be asked for, and its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.checks import check_choice
from textgen.errors import ConfigError

VOCABULARIES = ("united", "new")  # the base's tokens and the text's, or the text's alone


@dataclass(frozen=True)
class FinetuningConfig:
    """The model that a training begins with. base : its name or file; None: the parameters are drawn.

    vocabulary : one of VOCABULARIES; None: the first.
    """

    base: str | None = None
    vocabulary: str | None = None

    def __post_init__(self) -> None:
        if self.vocabulary is not None:
            check_choice("--vocabulary", self.vocabulary, VOCABULARIES)
        if self.vocabulary is not None and self.base is None:
            raise ConfigError(
                f"--vocabulary {self.vocabulary} says what becomes of another model's tokens; it needs --from MODEL"
            )
