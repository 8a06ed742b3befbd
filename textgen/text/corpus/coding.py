"""Blocks of text to provisional ids: standard input is read once, before the vocabulary can be known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from textgen.text.corpus.sequences import END, Block
from textgen.text.tokens.packed import Ids, PackedText, stretches
from textgen.text.tokens.tokenizers import CharTokenizer, Tokenizer, normalize
from textgen.text.tokens.vocabulary import EOS, EOS_ID, UNK, UNK_ID, Vocabulary


def pack(blocks: Iterable[Block], tokenizer: Tokenizer, lowercase: bool) -> tuple[PackedText, list[str]]:
    """All sequences of `blocks` in provisional ids, and the tokens that these stand for."""
    coder: _Coder = _CodePointCoder() if isinstance(tokenizer, CharTokenizer) else _TokenCoder(tokenizer)
    parts, characters = [], [np.zeros(0, np.int32)]
    for block in blocks:
        parts.append(coder.encode(normalize(block.text, lowercase)))
        largest = max(block.characters, default=0)
        characters.append(np.array(block.characters, np.int32 if largest < 2**31 else np.int64))
    tokens, numbers = coder.finish()
    ids = np.empty(sum(map(len, parts)), numbers.dtype)
    last = len(ids)
    while parts:  # the parts' memory goes as that of `ids` comes into use
        part = parts.pop()
        ids[last - len(part) : last] = numbers[part]
        last -= len(part)
    return PackedText(ids, np.concatenate(characters)), tokens


class VocabularyRule(Protocol):
    """How counts become a vocabulary: `Vocabulary.from_counts`, or another rule with its arguments."""

    def __call__(
        self, counts: Mapping[str, int], eos_count: int, unk_count: int, min_count: int, max_vocab: int, /
    ) -> Vocabulary: ...


def count_tokens(
    text: PackedText, tokens: list[str], min_count: int, max_vocab: int, rule: VocabularyRule
) -> Vocabulary:
    """The vocabulary that `rule` makes of a text in provisional ids, which stand for `tokens`."""
    counts = np.zeros(len(tokens), np.int64)
    for first, last in stretches(len(text.ids)):
        counts += np.bincount(text.ids[first:last], minlength=len(tokens))
    ordinary = {tokens[idx]: int(counts[idx]) for idx in np.flatnonzero(counts) if idx > EOS_ID}
    return rule(ordinary, int(counts[EOS_ID]), int(counts[UNK_ID]), min_count, max_vocab)


def renumber(text: PackedText, tokens: list[str], vocabulary: Vocabulary) -> PackedText:
    """A text whose provisional ids stand for `tokens`, in the vocabulary's ids and in its type."""
    numbers = vocabulary.ids_of(tokens).astype(vocabulary.dtype)
    numbers[EOS_ID] = EOS_ID
    ids = np.empty(len(text.ids), vocabulary.dtype)
    for first, last in stretches(len(ids)):
        ids[first:last] = numbers[text.ids[first:last]]
    return PackedText(ids, text.characters)


class _Coder(Protocol):
    def encode(self, text: str) -> Ids:
        """Codes of a block's tokens and of its ENDs, in the smallest unsigned type for this block."""
        ...

    def finish(self) -> tuple[list[str], Ids]:
        """All tokens met, in the order of their provisional ids, and the provisional id of each code."""
        ...


class _CodePointCoder:
    """A character's code is its code point. So an emoji widens only the block that it stands in."""

    def __init__(self) -> None:
        self._seen = np.zeros(0x110000, np.bool_)

    def encode(self, text: str) -> Ids:
        points = np.frombuffer(text.encode("utf-32-le"), "<u4")
        self._seen[points] = True
        return points.astype(np.min_scalar_type(int(points.max(initial=0))))

    def finish(self) -> tuple[list[str], Ids]:
        self._seen[ord(END)] = False
        met = np.flatnonzero(self._seen)
        tokens = [UNK, EOS, *map(chr, met)]
        numbers = np.zeros(len(self._seen), np.min_scalar_type(len(tokens) - 1))
        numbers[met] = np.arange(EOS_ID + 1, len(tokens))
        numbers[ord(END)] = EOS_ID
        return tokens, numbers


class _TokenCoder:
    """A token's code is the number of different tokens met before it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenize = tokenizer.tokenize
        self._codes = _Growing({UNK: UNK_ID, END: EOS_ID})

    def encode(self, text: str) -> Ids:
        *closed, unclosed = text.split(END)
        tokens: list[str] = []
        for sequence in closed:
            tokens += self._tokenize(sequence)
            tokens.append(END)
        tokens += self._tokenize(unclosed)
        codes = np.fromiter(map(self._codes.__getitem__, tokens), np.uint32, len(tokens))
        return codes.astype(np.min_scalar_type(int(codes.max(initial=0))))

    def finish(self) -> tuple[list[str], Ids]:
        tokens = [UNK, EOS, *list(self._codes)[EOS_ID + 1 :]]
        return tokens, np.arange(len(tokens)).astype(np.min_scalar_type(len(tokens) - 1))


class _Growing(dict[str, int]):
    def __missing__(self, token: str) -> int:
        self[token] = code = len(self)
        return code
