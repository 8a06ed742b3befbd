"""Text to tokens and back: the registry TOKENIZERS. Nothing heavy is imported: --help reads the choices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Protocol

from textgen.text.tokens.words import IDEOGRAPHS, WordTokenizer


class Tokenizer(Protocol):
    """One way of cutting a text into tokens, with its own default limits for the vocabulary.

    min_count : tokens seen less often than this in the training text become `<unk>`.
    max_vocab : at most so many tokens are kept, the most frequent first; 0 is no limit.
    """

    name: str
    level: str  # what a token is to a person: "char" or "word"
    min_count: int
    max_vocab: int

    @property
    def seam(self) -> re.Pattern[str]:
        """Matches where a text that is not normalized yet may be cut, at the match's end.

        The tokens of the two parts, each normalized for itself, are those of the whole: no mark and no lower case
        depends on the other side.
        """
        ...

    def tokenize(self, text: str) -> list[str]:
        """The tokens of `text`, which is normalized already."""
        ...

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The text that `tokens` stand for; any sequence is accepted, for a model may have written it."""
        ...


class CharTokenizer:
    """Each code point is a token: "né" is ["n", "é"]."""

    name = "char"
    level = "char"
    min_count = 1
    max_vocab = 0
    # Not everywhere: a mark composes with what it follows, and "Σ" becomes "ς" before anything but a letter.
    seam = re.compile(rf"(?<=\s)|(?<=[0-9A-Za-z{IDEOGRAPHS}])(?=[0-9A-Za-z{IDEOGRAPHS}])")

    def tokenize(self, text: str) -> list[str]:
        """The code points of `text`."""
        return list(text)

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The tokens side by side."""
        return "".join(tokens)


class WhitespaceTokenizer:
    r"""For text that is tokenized already: what stands between blanks is a token, and so is each newline.

    "the <unk> .\nyes" is ["the", "<unk>", ".", "\n", "yes"].
    """

    name = "whitespace"
    level = "word"
    min_count = 1
    max_vocab = 0
    seam = re.compile(r"\s")

    def tokenize(self, text: str) -> list[str]:
        """What stands between the blanks of each line, and a newline between two lines."""
        first, *others = text.split("\n")
        tokens = first.split()
        for line in others:
            tokens.append("\n")
            tokens += line.split()
        return tokens

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The tokens with single blanks between them, and none beside a newline."""
        return re.sub(r" ?\n ?", "\n", " ".join(tokens))


TOKENIZERS: dict[str, Tokenizer] = {
    tokenizer.name: tokenizer for tokenizer in (CharTokenizer(), WordTokenizer(), WhitespaceTokenizer())
}

LEVELS = tuple(dict.fromkeys(tokenizer.level for tokenizer in TOKENIZERS.values()))


def normalize(text: str, lowercase: bool) -> str:
    """`text` in the composed form (NFC), so that what looks the same is the same; in lower case if asked.

    Lower case can take a composed form apart ("İ" is "i" and a dot above), so NFC comes after it once more.
    """
    text = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", text.lower()) if lowercase else text
