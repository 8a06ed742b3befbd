"""The sizes of network that `--size` takes, from which one is chosen where none is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """A size of network.

    characters, words : units of a layer and number of layers, for a small vocabulary and for one of words.
    least_tokens : a text of fewer tokens to train on is too small for it.
    """

    characters: tuple[int, int]
    words: tuple[int, int]
    least_tokens: int


SIZES = {
    "small": Size(characters=(256, 1), words=(256, 1), least_tokens=0),
    "medium": Size(characters=(512, 1), words=(512, 1), least_tokens=250_000),
    "large": Size(characters=(1024, 1), words=(650, 2), least_tokens=800_000),
}
