"""From files to packed token ids: a corpus to learn from, or a text in the ids of a finished vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from textgen.errors import EmptyCorpusError
from textgen.paths import display_name
from textgen.text.corpus.coding import VocabularyRule, count_tokens, pack, renumber
from textgen.text.corpus.files import Digest, check_inputs, read_text
from textgen.text.corpus.holdout import hold_out, part_lone_sequence
from textgen.text.corpus.order import is_sorted
from textgen.text.corpus.sequences import Block, cut_sequences
from textgen.text.corpus.units import detect_unit
from textgen.text.tokens.packed import PackedText
from textgen.text.tokens.reading import Reading
from textgen.text.tokens.tokenizers import TOKENIZERS, Tokenizer
from textgen.text.tokens.vocabulary import EOS_ID, Vocabulary

__all__ = ["Corpus", "PackedText", "TextOptions", "VocabularyRule", "pack_sentences", "read_corpus", "read_packed"]

HEAD = 1 << 22  # characters from which the unit is guessed

_REASONS = {
    "paragraph": "blank lines around blocks of several lines",
    "line": "no blank lines around blocks of several lines",
}

Paths = Sequence[str | Path]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Corpus:
    """A text to learn from.

    train, valid : the two parts in the vocabulary's ids; valid is None if nothing is held out.
    vocabulary : the training part's.
    unit : what one sequence is, "auto" having been decided.
    sha256 : of the bytes of all files, decompressed, one after the other.
    characters : code points of both parts together, blanks between sequences included.
    is_sorted : whether the text is a sorted list, of which the end is held out.
    """

    train: PackedText
    valid: PackedText | None
    vocabulary: Vocabulary
    unit: str
    sha256: str
    characters: int
    is_sorted: bool = False


class TextOptions(Protocol):
    """How a corpus is to be read."""

    @property
    def tokenizer(self) -> str:
        """A name in TOKENIZERS."""

    @property
    def unit(self) -> str:
        """One of UNITS."""

    @property
    def lowercase(self) -> bool:
        """Whether all text is put in lower case."""

    @property
    def min_count(self) -> int | None:
        """Tokens seen less often become `<unk>`; None: the tokenizer's own default."""

    @property
    def max_vocab(self) -> int | None:
        """At most so many tokens are kept, 0 is no limit; None: the tokenizer's own default."""

    @property
    def valid_fraction(self) -> float | None:
        """The share of the characters that is held out; 0: nothing; None: as `share_of` has it."""

    @property
    def shuffle(self) -> bool:
        """Whether the sequences are put in random order before a part is held out."""


def read_corpus(
    paths: Paths,
    options: TextOptions,
    say: Say,
    *,
    seed: int = 1,
    valid_paths: Paths = (),
    rule: VocabularyRule = Vocabulary.from_counts,
) -> Corpus:
    """Read a corpus in one pass; what has been decided on the way is told to `say`, a sentence at a time.

    seed : of the order, if the sequences are shuffled.
    valid_paths : texts to validate on, instead of a held-out part.
    rule : what the training part's counts become the vocabulary by.
    Raises what `read_text` raises, and EmptyCorpusError where there are only blanks.
    """
    check_inputs([*paths, *valid_paths])
    tokenizer = TOKENIZERS[options.tokenizer]
    fraction = 0.0 if valid_paths else options.valid_fraction
    digest = hashlib.sha256()
    unit, blocks = _read_blocks(paths, options.unit, tokenizer, say, digest)
    blocks = blocks if fraction == 0 else part_lone_sequence(blocks, fraction)
    text, tokens = pack(blocks, tokenizer, options.lowercase)
    _check_not_empty(text, paths)
    if options.shuffle and len(text) > 2:  # two may be the parts of one, whose order must stay
        text = text.permuted(np.random.default_rng(seed).permutation(len(text)))
    train, valid = (text, None) if fraction == 0 else hold_out(text, fraction)
    if fraction != 0 and valid is None:
        say("nothing is held out: the text is too short or its sequences too unequal; use --valid FILE")
    ends_apart = valid is not None and is_sorted(text, tokens)
    vocabulary = count_tokens(
        train,
        tokens,
        min_count=tokenizer.min_count if options.min_count is None else options.min_count,
        max_vocab=tokenizer.max_vocab if options.max_vocab is None else options.max_vocab,
        rule=rule,
    )
    if valid_paths:
        valid = read_packed(valid_paths, vocabulary, tokenizer, unit, options.lowercase)
    elif valid is not None:
        valid = renumber(valid, tokens, vocabulary)
    return Corpus(
        train=renumber(train, tokens, vocabulary),
        valid=valid,
        vocabulary=vocabulary,
        unit=unit,
        sha256=digest.hexdigest(),
        characters=int(text.characters.sum()),
        is_sorted=ends_apart,
    )


def read_packed(paths: Paths, vocabulary: Vocabulary, tokenizer: Tokenizer, unit: str, lowercase: bool) -> PackedText:
    """A text in the ids of a finished vocabulary, to be measured. Raises what `read_corpus` raises."""
    check_inputs(paths)
    _, blocks = _read_blocks(paths, unit, tokenizer, lambda message: None, None)
    text, tokens = pack(blocks, tokenizer, lowercase)
    _check_not_empty(text, paths)
    return renumber(text, tokens, vocabulary)


def pack_sentences(sentences: Iterable[Reading], vocabulary: Vocabulary) -> PackedText:
    """Each sentence as one sequence, whatever stands in it; an empty sentence is `<eos>` alone."""
    ids, characters = [np.zeros(0, vocabulary.dtype)], []
    for sentence in sentences:
        ids.append(np.append(sentence.ids, EOS_ID).astype(vocabulary.dtype))
        characters.append(len(sentence.text))
    return PackedText(np.concatenate(ids), np.array(characters, np.int64))


def _read_blocks(
    paths: Paths, unit: str, tokenizer: Tokenizer, say: Say, digest: Digest | None
) -> tuple[str, Iterator[Block]]:
    """The unit, decided, and the blocks of all files one after the other; no sequence spans two files."""
    files = [read_text(path, digest) for path in paths]
    if unit == "auto":
        head, files = _peek(files)
        unit = detect_unit(head)
        say(f"each {unit} is one sequence ({_REASONS[unit]}; --unit overrides)")
    named = zip(map(display_name, paths), files, strict=True)
    return unit, chain.from_iterable(_cut_file(name, file, unit, tokenizer, say) for name, file in named)


def _cut_file(name: str, chunks: Iterator[str], unit: str, tokenizer: Tokenizer, say: Say) -> Iterator[Block]:
    is_blank = True
    for block in cut_sequences(chunks, unit, tokenizer.seam):
        is_blank = False
        yield block
    if is_blank:
        say(f"{name} is left out: it is empty, or holds only blanks")


def _peek(files: list[Iterator[str]]) -> tuple[str, list[Iterator[str]]]:
    """The first HEAD characters or more, with a blank line between files; and the files as if unread."""
    heads: list[list[str]] = [[] for _ in files]
    size = 0
    for head, file in zip(heads, files, strict=True):
        while size < HEAD and (chunk := next(file, None)) is not None:
            head.append(chunk)
            size += len(chunk)
    text = "\n\n".join("".join(head) for head in heads if head)
    return text, [chain(head, file) for head, file in zip(heads, files, strict=True)]


def _check_not_empty(text: PackedText, paths: Paths) -> None:
    if len(text) == 0:
        names = ", ".join(map(display_name, paths))
        raise EmptyCorpusError(f"{names}: there is no text; the input is empty, or holds only blanks")
