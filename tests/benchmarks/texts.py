"""The texts that the benchmarks read, and windows of them."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

from textgen.lm.config.text import TextConfig
from textgen.text.corpus.corpus import Corpus, read_corpus
from textgen.text.tokens.windows import Window, stream_windows

CORPORA = Path(__file__).parents[2] / "corpora"
_MOST_WORDS = 10_000  # `<unk>` and `<eos>` come on top


class Texts:
    """A text for the character cases and one for the word cases.

    folder : holds tinyshakespeare/train.txt and wikitext-2/train.txt; None: two texts of the project's own.
    """

    def __init__(self, folder: Path | None) -> None:
        self.paths = {
            "char": folder / "tinyshakespeare" / "train.txt" if folder else CORPORA / "shakespeare.txt",
            "word": folder / "wikitext-2" / "train.txt" if folder else CORPORA / "pride.txt",
        }
        self.corpus = cache(self._read)

    def _read(self, level: str) -> Corpus:
        """The text for `level`, nothing held out."""
        options = TextConfig(tokenizer=level, max_vocab=_MOST_WORDS if level == "word" else 0, valid_fraction=0)
        return read_corpus([self.paths[level]], options, lambda note: None)

    def vocabulary_size(self, level: str) -> int:
        """`<unk>` and `<eos>` included."""
        return len(self.corpus(level).vocabulary)

    def windows(self, level: str, B: int, T: int, count: int = 16) -> list[Window]:
        """At most `count` whole windows of the plain stream: no state is reset, no input missing."""
        windows = stream_windows(self.corpus(level).train.ids, B, T, carry=True)
        without_first = itertools.islice(windows, 1, count + 1)
        return [window for window in without_first if len(window.targets) == T]
