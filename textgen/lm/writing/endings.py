"""Where a written sequence ends by its text: before a text that stops it, or at the end of its last sentence."""

from __future__ import annotations

from collections.abc import Sequence

from textgen.text.corpus.sentences import LAST_CHARACTERS


class Stops:
    """Texts that end a sequence; of its text only what stands before the first of them is kept."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts, self._longest = texts, max(map(len, texts), default=0)

    def __bool__(self) -> bool:
        return bool(self._texts)

    @property
    def held_back(self) -> int:
        """Characters at the end of a text that may be the beginning of one that stops it."""
        return max(0, self._longest - 1)

    def place_in(self, text: str, known: int) -> int | None:
        """Where the first of them begins; None if there is none. known : characters in which none was found before."""
        places = [text.find(stop, max(0, known - self.held_back)) for stop in self._texts]
        return min((place for place in places if place >= 0), default=None)


def end_of_last_sentence(text: str) -> int | None:
    """The index after the last sentence of `text`: 'One. Two. Thr' -> 9; None if there is no end of a sentence."""
    ends = [match.end() for match in LAST_CHARACTERS.finditer(text)]
    return ends[-1] if ends else None
