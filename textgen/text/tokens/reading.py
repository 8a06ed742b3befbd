"""How a text of the user's becomes token ids: what the vocabulary lacks is read as what is nearest to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.text.tokens.near_forms import NEAR_FORMS, TO_ASCII, TO_TYPOGRAPHIC
from textgen.text.tokens.tokenizers import Tokenizer, normalize
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID, Vocabulary
from textgen.text.tokens.words import JOINER

_BLANKS = re.compile(r"(\s+)")

Table = Mapping[int, str]  # for `str.translate`


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it.

    text : as it was given. tokens : as they are read. ids : int32 [tokens], UNK_ID for those that the model lacks.
    replaced : characters that were read as others, {"’": "'"}, in the order in which they occur.
    """

    text: str
    tokens: tuple[str, ...]
    ids: npt.NDArray[np.int32]
    replaced: Mapping[str, str]

    @property
    def unknown(self) -> int:
        """How many tokens the model lacks."""
        return int(np.count_nonzero(self.ids == UNK_ID))


@dataclass(frozen=True)
class Prompt(Reading):
    """A text that is to go on. Where its end may be a part of a token, `tokens` and `ids` are those before it.

    unfinished : the token that is left out at the end, "bro" or '"'; "" if there is none.
    first_ids : int32; the first token that is drawn must be one of these, "brown" or "brother", '"' or '"￭'. All of
        them begin with `unfinished`. Empty: it may be any.
    """

    unfinished: str
    first_ids: npt.NDArray[np.int32]


def read(text: str, tokenizer: Tokenizer, vocabulary: Vocabulary, lowercase: bool) -> Reading:
    """The tokens of `text`; those that the vocabulary lacks in their nearest form, if it has that.

    “Don’t  ->  "￭ Don ￭'t, if the vocabulary lacks “￭ and ￭’t, and has "￭ and ￭'t. The tokens are those of the text in
    which only these were replaced.
    """
    normal = normalize(text, lowercase)
    tokens = tokenizer.tokenize(normal)
    ids = vocabulary.ids_of(tokens)
    replaced: dict[str, str] = {}
    if _may_be_near(normal) and any(_tables(token, vocabulary) for token in tokens):
        pieces = _BLANKS.split(normal)  # no token reaches over a blank
        plain = "".join([_Piece(piece, tokenizer, vocabulary).plain(replaced) for piece in pieces])
        if replaced:
            tokens = tokenizer.tokenize(plain)
            ids = vocabulary.ids_of(tokens)
    return Reading(text, tuple(tokens), ids, replaced)


def read_prompt(text: str, tokenizer: Tokenizer, vocabulary: Vocabulary, lowercase: bool) -> Prompt:
    """`text` as `read` has it, but for a last word that may go on.

    "The quick bro"  ->  The quick, and brown, brother, ... to choose from, if "bro" is no token of the vocabulary. A
    last token that is one stays, for "the" is a word, though "them" begins with it. But whether a sign that ends the
    text is joined to what follows ('"￭' or '"') is open. After a blank, and between characters, nothing is.
    """
    reading = read(text, tokenizer, vocabulary, lowercase)
    unfinished, first_ids = "", np.zeros(0, np.int32)
    if tokenizer.level == "word" and reading.tokens and not text[-1].isspace():
        unfinished, first_ids = _completions(reading.tokens[-1], vocabulary)
    settled = len(reading.tokens) - bool(unfinished)
    return Prompt(text, reading.tokens[:settled], reading.ids[:settled], reading.replaced, unfinished, first_ids)


def continuation(prompt: Prompt, drawn: Sequence[str], tokenizer: Tokenizer) -> str:
    """What is to be printed after `prompt.text` when `drawn` are the tokens that were drawn."""
    last = [prompt.unfinished] if prompt.unfinished else []
    read_so_far = tokenizer.detokenize([*prompt.tokens, *last])
    added = tokenizer.detokenize([*prompt.tokens, *drawn])[len(read_so_far) :]
    ends_in_blank = tokenizer.level == "word" and prompt.text[-1:].isspace()
    return added.removeprefix(" ") if ends_in_blank else added


def _completions(last: str, vocabulary: Vocabulary) -> tuple[str, npt.NDArray[np.int32]]:
    """A form of the token `last` with which tokens of the vocabulary begin, and their ids; nothing if there is none."""
    [idx, joined] = vocabulary.ids_of([last, last + JOINER])
    if idx != UNK_ID:
        return (last, np.array([idx, joined], np.int32)) if joined != UNK_ID else ("", np.zeros(0, np.int32))
    for form in (last, *(last.translate(table) for table in NEAR_FORMS)):
        found = [idx for idx, token in enumerate(vocabulary.tokens) if idx > EOS_ID and token.startswith(form)]
        if found:
            return form, np.array(found, np.int32)
    return "", np.zeros(0, np.int32)


def _may_be_near(text: str) -> bool:
    """Whether something in `text` may have a near form; a quick look, since nearly always nothing has."""
    return not text.isascii() or "'" in text


def _tables(token: str, vocabulary: Vocabulary) -> list[Table]:
    """Those by which a token that the vocabulary lacks becomes one that it may have, the first to be tried first."""
    if token in vocabulary or not _may_be_near(token):
        return []
    to_ascii = [TO_ASCII] if token.translate(TO_ASCII) != token else []
    # Both apostrophes are joined alike, so here one can look; what "…" becomes is several tokens.
    to_typographic = [TO_TYPOGRAPHIC] if token.translate(TO_TYPOGRAPHIC) in vocabulary else []
    return [*to_ascii, *to_typographic]


class _Piece:
    """What stands between two blanks, or the blanks themselves: each unknown token and what it may be read as."""

    def __init__(self, piece: str, tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
        self.piece, self.tokenizer, self.vocabulary = piece, tokenizer, vocabulary

    def plain(self, replaced: dict[str, str]) -> str:
        """The piece with each unknown token in the first near form whose tokens are all known; adds to `replaced`."""
        tokens = self.tokenizer.tokenize(self.piece)
        tables = [_tables(token, self.vocabulary) for token in tokens]
        if not any(tables):
            return self.piece
        written = self._written(tokens)
        while True:
            forms = [token.translate(left[0]) if left else token for token, left in zip(written, tables, strict=True)]
            if not self._drop_useless(forms, tables):
                break
        for token, left in zip(written, tables, strict=True):
            if left:
                pairs = ((character, character.translate(left[0])) for character in token)
                replaced.update((character, form) for character, form in pairs if form != character)
        return "".join(forms)

    def _drop_useless(self, forms: list[str], tables: list[list[Table]]) -> bool:
        """Take away the first table of each token whose form is, or is a part of, an unknown token; whether any was."""
        tokens = self.tokenizer.tokenize("".join(forms))
        known = (token in self.vocabulary for token in tokens)
        known_places = [here for token, here in zip(self._written(tokens), known, strict=True) for _ in token]
        begin, dropped = 0, False
        for form, left in zip(forms, tables, strict=True):
            end = begin + len(form)
            if left and not all(known_places[begin:end]):
                del left[0]
                dropped = True
            begin = end
        return dropped

    def _written(self, tokens: list[str]) -> list[str]:
        """The tokens as they are written in a piece, without joints; side by side they are the piece."""
        return [self.tokenizer.detokenize([token]) for token in tokens]
