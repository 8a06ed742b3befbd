"""Where a written sequence ends by its text: before a text that stops it, or at the end of its last sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textgen.lm.storage.model import LanguageModel

# A full stop, with the quotes and brackets that close after it, before a blank or the end; Chinese needs no blank.
_SENTENCE_END = re.compile(r"""[.!?…]["'”’»)\]]*(?=\s|\Z)|[。！？][”’」』）]*""")


class Stops:
    """Texts that end a sequence; of its text only what stands before the first of them is kept."""

    def __init__(self, model: LanguageModel, texts: Sequence[str]) -> None:
        self._model, self._texts = model, texts
        self._longest = max(map(len, texts), default=0)

    def __bool__(self) -> bool:
        return bool(self._texts)

    @property
    def held_back(self) -> int:
        """Characters at the end of a text that may be the beginning of one that stops it."""
        return max(0, self._longest - 1)

    def are_met(self, ids: Sequence[int]) -> bool:
        """Whether one of them stands in the text of the last tokens: asked after each token, it misses none."""
        tail = self._model.tokenizer.detokenize(self._model.vocabulary.tokens_of(ids[-self._longest - 1 :]))
        return any(text in tail for text in self._texts)

    def cut(self, text: str) -> str:
        """`text` up to the first of them."""
        places = [text.find(stop) for stop in self._texts]
        return text[: min((place for place in places if place >= 0), default=len(text))]


def end_of_last_sentence(text: str) -> int | None:
    """The index after the last sentence of `text`: 'One. Two. Thr' -> 9; None if there is no end of a sentence."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return ends[-1] if ends else None
