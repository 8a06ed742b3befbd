"""A story that is written in turns: each turn leads from one text to the next, and any of them can be gone back to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A text in a story.

    before : the number of the place that it grew out of; None: out of nothing. added : what was typed there. is_over :
    whether its sequence has come to its end, so that nothing follows.
    """

    text: str
    before: int | None = None
    added: str = ""
    is_over: bool = False


class Story:
    """All places so far, as a tree, and the one where we are."""

    def __init__(self) -> None:
        self.places = [Place("")]
        self.now = 0

    @property
    def here(self) -> Place:
        """Where we are."""
        return self.places[self.now]

    def add(self, text: str, added: str, *, is_over: bool) -> None:
        """A turn leads from here to `text`."""
        self.places.append(Place(text, self.now, added, is_over))
        self.now = len(self.places) - 1

    def go_back(self) -> bool:
        """Go to the place before; False if there is none."""
        before = self.here.before
        if before is None:
            return False
        self.now = before
        return True

    def go_to(self, number: int) -> bool:
        """Go to a place by its number; False if there is none of it."""
        if not 0 < number < len(self.places):
            return False
        self.now = number
        return True

    def begin_anew(self) -> None:
        """Go to the empty text."""
        self.now = 0
