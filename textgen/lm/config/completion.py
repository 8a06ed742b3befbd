"""How a text is completed: what can be asked for, and its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.checks import check_number
from textgen.errors import ConfigError

LENGTHS = {"char": 20, "word": 5}  # tokens, by level: a handful of words
TO_THE_END = 500  # tokens, at most: some texts have no end
_MOST_WAYS, _MOST_BEAMS, _MOST_TOKENS = 1_000, 10_000, 10_000


@dataclass(frozen=True)
class CompletionConfig:
    """How a text is completed.

    top : how many ways to go on. length : tokens of each, `<eos>` among them; fewer where the sequence ends before.
    whole : whether each is followed up to the end of the sequence instead.
    beams : how many ways are followed side by side. temperatures : several are for one token alone.
    """

    top: int = 5
    length: int | None = None  # None: by the level, see LENGTHS
    whole: bool = False
    beams: int | None = None  # None: see `width`
    temperatures: tuple[float, ...] = (1.0,)
    allow_unk: bool = False

    def __post_init__(self) -> None:
        check_number("top", self.top, least=1, most=_MOST_WAYS)
        check_number("length", self.length, least=1, most=_MOST_TOKENS)
        check_number("beams", self.beams, least=1, most=_MOST_BEAMS)
        for temperature in self.temperatures:
            check_number("temperature", temperature, above=0)
        if len(set(self.temperatures)) < len(self.temperatures):
            raise ConfigError("--temperature holds the same number twice; leave one of them out")
        if len(self.temperatures) > 1 and self.length != 1:
            raise ConfigError("several temperatures are for one token alone: give --length 1, or one --temperature")
        if self.beams is not None and self.beams < self.top:
            raise ConfigError(
                f"--beams {self.beams} cannot give --top {self.top}; ask for as many beams, or fewer ways"
            )

    def tokens(self, level: str) -> int:
        """How long a way may be, for a model of this level."""
        return TO_THE_END if self.whole else self.length or LENGTHS[level]

    @property
    def width(self) -> int:
        """How many beams there are."""
        return self.beams or max(16, 4 * self.top)
