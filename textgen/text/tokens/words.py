"""The word tokenizer: words, clitics, symbols and single CJK characters, and whether a blank parts them.

    It's "fine"  ->  It  ￭'s  "￭  fine  ￭"        the joiner ￭ says: no blank on this side
    詩 (poem)。  ->  詩  ▁  (￭  poem  ￭)  。       CJK joins by itself; ▁ is a blank beside it

Between two tokens there is a blank by default; beside CJK or a newline there is none. A joint that differs from its
default is written down: a missing blank as a joiner on one of the tokens, an extra blank as a token of its own. So
detokenize(tokenize(text)) is the text again, up to runs of blanks.
Source: the joiner annotation of OpenNMT's Tokenizer, with a default for CJK added.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, groupby, pairwise

JOINER = "\uffed"
BLANK = "\u2581"
# "<" is always a token of its own, so no text can give these.
_LITERALS = {JOINER: "<U+FFED>", BLANK: "<U+2581>"}

# Ideographs, radicals, kana, bopomofo, CJK punctuation and wide forms. Not Korean: it is written with blanks.
_CJK = (
    "\u2e80-\u312f\u3190-\u31ff\u3220-\u325f\u3280-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff9f"
    "\uffe0-\uffe6\U00016fe0-\U00016fff\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
IDEOGRAPHS = "\u4e00-\u9fff"  # the common ones: nothing composes with them, and they have no case
_starts_with_cjk = re.compile(f"[{_CJK}]").match
_holds_cjk = re.compile(f"[{_CJK}]").search

_MARK_RANGES = ((0x300, 0x3400), (0xA000, 0xAC00), (0xFB00, 0x17000), (0x1B000, 0x20000), (0xE0100, 0xE01F0))
# Zero-width joiners and skin tones belong to what stands before them, like combining marks.
_EXTENDERS = "\u200c\u200d\U0001f3fb-\U0001f3ff"

_CACHED_CHUNKS = 1 << 17
_CACHED_LENGTH = 64


class WordTokenizer:
    """Words, clitics, symbols and single CJK characters; lossless up to runs of blanks (see the top)."""

    name = "word"
    level = "word"
    min_count = 2
    max_vocab = 20000

    def __init__(self) -> None:
        self._chunks = _Chunks()

    @cached_property
    def seam(self) -> re.Pattern[str]:
        """Where a text may be cut. A blank beside CJK is no seam: it may be a token, which depends on both sides."""
        return re.compile(rf"\n|(?<=[^\W{_CJK}])\s+(?=[^\W{_CJK}])|(?<=[{IDEOGRAPHS}])(?=[{IDEOGRAPHS}])")

    def tokenize(self, text: str) -> list[str]:
        """The tokens of `text`; blanks beside a newline and at the ends of the text are dropped."""
        has_cjk = not text.isascii() and _holds_cjk(text)
        tokens_of_line = self._tokens_beside_cjk if has_cjk else self._tokens
        first, *others = text.split("\n")
        tokens = list(tokens_of_line(first))
        for line in others:
            tokens.append("\n")
            tokens += tokens_of_line(line)
        return tokens

    def detokenize(self, tokens: Iterable[str]) -> str:
        """The text of any sequence of tokens, with a blank at each joint that asks for one."""
        pieces = []
        joined = True
        for token in tokens:
            core = token.removeprefix(JOINER).removesuffix(JOINER)
            closed = core in ("\n", BLANK, "") or _starts_with_cjk(core) is not None
            if not (joined or closed or token.startswith(JOINER)):
                pieces.append(" ")
            pieces.append(_unescape(core))
            joined = closed or token.endswith(JOINER)
        return "".join(pieces)

    def _tokens(self, line: str) -> Iterable[str]:
        return chain.from_iterable(map(self._chunks.__getitem__, line.split()))

    def _tokens_beside_cjk(self, line: str) -> Iterator[str]:
        chunks = list(map(self._chunks.__getitem__, line.split()))
        for chunk, following in pairwise(chunks):
            yield from chunk
            if _starts_with_cjk(chunk[-1]) or _starts_with_cjk(following[0]):
                yield BLANK
        if chunks:
            yield from chunks[-1]


class _Chunks(dict[str, tuple[str, ...]]):
    """The tokens of each chunk, that is what stands between two blanks; remembered, for chunks come again."""

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        tokens = self._cut(chunk)
        if len(chunk) <= _CACHED_LENGTH:
            if len(self) >= _CACHED_CHUNKS:
                self.clear()
            self[chunk] = tokens
        return tokens

    def _cut(self, chunk: str) -> tuple[str, ...]:
        tokens: list[str] = []
        before = None
        for match in self._cores.finditer(chunk):
            kind = match.lastgroup
            token = _escape(match[0])
            if before is not None and "cjk" not in (before, kind):
                if before == "symbol" and kind != "symbol":
                    tokens[-1] += JOINER
                else:
                    token = JOINER + token
            tokens.append(token)
            before = kind
        return tuple(tokens)

    @cached_property
    def _cores(self) -> re.Pattern[str]:
        """A token of a chunk, without its joints; the group that matches is its kind. Built at first use."""
        mark, letter = f"[{_mark_class()}]", r"[^\W\d_]"
        word = rf"[^\W{_CJK}]+(?:{mark}+[^\W{_CJK}]*)*"
        clitic = rf"(?<={letter}|{mark})['’](?![\d_]){word}"
        return re.compile(rf"(?P<word>{word}|{clitic})|(?P<cjk>[{_CJK}]{mark}*)|(?P<symbol>.{mark}*)", re.DOTALL)


def _mark_class() -> str:
    r"""The inside of a character class of all combining marks (Mn, Mc, Me), which re's own \w leaves out."""
    points = chain.from_iterable(range(*limits) for limits in _MARK_RANGES)
    marks = [point for point in points if unicodedata.category(chr(point)).startswith("M")]
    runs = groupby(enumerate(marks), lambda place: place[1] - place[0])
    spans = [[point for _, point in run] for _, run in runs]
    return _EXTENDERS + "".join(f"{chr(span[0])}-{chr(span[-1])}" for span in spans)


def _escape(core: str) -> str:
    literal = _LITERALS.get(core[0])
    return literal + core[1:] if literal else core


def _unescape(core: str) -> str:
    if core == BLANK:
        return " "
    for character, literal in _LITERALS.items():
        if core.startswith(literal):
            return character + core.removeprefix(literal)
    return core
