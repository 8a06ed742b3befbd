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

    tokens : tokens[idx] is the token of id `idx`.
    counts : how often each occurs in the training text; `<unk>`'s count holds all tokens that were left out.
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]

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

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The vocabulary that `to_json` wrote. Raises ModelFileError at anything else."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ModelFileError(f"the vocabulary is not JSON: {error}") from error
        if not isinstance(data, dict) or set(data) != {"tokens", "counts"}:
            raise ModelFileError(
                f"the vocabulary must be an object with 'tokens' and 'counts', found {_describe(data)}"
            )
        tokens, counts = data["tokens"], data["counts"]
        _check_tokens(tokens)
        _check_counts(counts, len(tokens))
        return cls(tuple(tokens), tuple(counts))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: idx for idx, token in enumerate(self.tokens) if idx > EOS_ID}


def _check_tokens(tokens: Any) -> None:
    if not isinstance(tokens, list):
        raise ModelFileError(f"the vocabulary's tokens must be a list, found {_describe(tokens)}")
    for idx, token in enumerate(tokens):
        if not isinstance(token, str) or not token:
            raise ModelFileError(f"the vocabulary's token {idx} must be a non-empty string, found {_describe(token)}")
    if tuple(tokens[:2]) != _RESERVED:
        raise ModelFileError(f"the vocabulary must begin with {UNK} and {EOS}, found {tokens[:2]}")
    if len(set(tokens)) < len(tokens):
        [(token, times)] = Counter(tokens).most_common(1)
        raise ModelFileError(f"the vocabulary holds the token {token!r} {times} times")


def _check_counts(counts: Any, size: int) -> None:
    if not isinstance(counts, list):
        raise ModelFileError(f"the vocabulary's counts must be a list, found {_describe(counts)}")
    if len(counts) != size:
        raise ModelFileError(f"the vocabulary has {size} tokens but {len(counts)} counts")
    for idx, count in enumerate(counts):
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise ModelFileError(
                f"the vocabulary's count {idx} must be an integer of 0 or more, found {_describe(count)}"
            )


def _describe(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
