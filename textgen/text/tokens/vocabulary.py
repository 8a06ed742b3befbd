"""Tokens and their ids."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from textgen.errors import ModelFileError

UNK = "<unk>"
EOS = "<eos>"
UNK_ID = 0
EOS_ID = 1
_RESERVED = (UNK, EOS)


@dataclass(frozen=True)
class Vocabulary:
    """All tokens that a model knows: `<unk>`, `<eos>`, then the others by falling count, ties by code points.

    In a fine-tuned model the tokens that the model before knew come first, in its order; then the new ones as above.

    tokens : tokens[idx] is the token of id `idx`.
    counts : how often each occurs in the training text; `<unk>`'s count holds all tokens that were left out.
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise ModelFileError unless this is what `from_counts` makes: a file may hold anything."""
        if self.tokens[:2] != _RESERVED:
            raise ModelFileError(f"the vocabulary must begin with {UNK} and {EOS}, found {list(self.tokens[:2])}")
        if not all(self.tokens):
            raise ModelFileError(f"the vocabulary's token {self.tokens.index('')} is empty")
        if len(set(self.tokens)) < len(self.tokens):
            [(token, times)] = Counter(self.tokens).most_common(1)
            raise ModelFileError(f"the vocabulary holds the token {token!r} {times} times")
        if len(self.counts) != len(self.tokens):
            raise ModelFileError(f"the vocabulary has {len(self.tokens)} tokens but {len(self.counts)} counts")
        if min(self.counts) < 0:
            raise ModelFileError(f"the vocabulary's count {self.counts.index(min(self.counts))} is negative")

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], eos_count: int, unk_count: int, min_count: int, max_vocab: int
    ) -> Self:
        """The vocabulary of the tokens seen `min_count` times or more, at most `max_vocab` of them if not 0.

        The counts of the dropped tokens, and of a literal "<unk>" or "<eos>", are added to `unk_count`.
        """
        enough = [token for token, count in counts.items() if count >= max(min_count, 1) and token not in _RESERVED]
        enough.sort(key=lambda token: (-counts[token], token))
        kept = enough[:max_vocab] if max_vocab else enough
        kept_counts = [counts[token] for token in kept]
        dropped = sum(counts.values()) - sum(kept_counts)
        return cls((UNK, EOS, *kept), (unk_count + dropped, eos_count, *kept_counts))

    def united(self, counts: Mapping[str, int], eos_count: int, unk_count: int, min_count: int, max_vocab: int) -> Self:
        """The tokens of this vocabulary, with their ids, and behind them the new ones of another text.

        The counts are that text's. The new ones are those that `from_counts` would keep; of the others none is dropped.
        """
        new = {token: count for token, count in counts.items() if token not in self._ids}
        added = self.from_counts(new, eos_count, unk_count, min_count, max_vocab)
        known = [counts.get(token, 0) for token in self.tokens[2:]]
        return type(self)((*self.tokens, *added.tokens[2:]), (*added.counts[:2], *known, *added.counts[2:]))

    def renewed(
        self, counts: Mapping[str, int], eos_count: int, unk_count: int, min_count: int, max_vocab: int
    ) -> Self:
        """What `from_counts` makes of another text, but the tokens that are known here first, in this order."""
        found = self.from_counts(counts, eos_count, unk_count, min_count, max_vocab)
        ids = {token: idx for idx, token in enumerate(self.tokens)}
        order = sorted(range(len(found)), key=lambda idx: ids.get(found.tokens[idx], len(ids)))
        return type(self)(tuple(found.tokens[idx] for idx in order), tuple(found.counts[idx] for idx in order))

    def __contains__(self, token: str) -> bool:
        """Whether `token` is known; `<unk>` and `<eos>` are none that a text could hold."""
        return token in self._ids

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned integer type that holds every id."""
        return np.min_scalar_type(len(self) - 1)

    def ids_of(self, tokens: Iterable[str]) -> npt.NDArray[np.int32]:
        """The ids of `tokens`, int32 [tokens]; 0 for an unknown one and for a literal "<unk>" or "<eos>"."""
        return np.fromiter((self._ids.get(token, UNK_ID) for token in tokens), np.int32)

    def tokens_of(self, ids: Iterable[int] | npt.NDArray[Any]) -> list[str]:
        """The tokens of `ids`."""
        return [self.tokens[idx] for idx in ids]

    def to_json(self) -> str:
        """Tokens and counts as JSON, for a model file."""
        return json.dumps({"tokens": self.tokens, "counts": self.counts}, ensure_ascii=False)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: idx for idx, token in enumerate(self.tokens) if idx > EOS_ID}
