"""Reading sentences: what is said where a command would silently wait for the keyboard, and of how they were read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.cli.terminal.number_formats import format_amount
from textgen.cli.terminal.output import print_line
from textgen.paths import STDIN

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes

_EXAMPLES = 6


def announce_terminal(paths: Iterable[Path], notes: Notes, what: str = "the text") -> None:
    """Say that the keyboard is read, if one of `paths` is standard input and that is a terminal."""
    if Path(STDIN) in paths and sys.stdin is not None and sys.stdin.isatty():
        end = "Ctrl-Z and Enter end it" if sys.platform == "win32" else "Ctrl-D ends it"
        notes.say("reading", f"{what} from the keyboard; {end}")


def confirmed(question: str) -> bool:
    """Whether the person at the keyboard says yes; an empty line, another word, or Ctrl-D is no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print_line("")
    return answer.strip().lower() in ("y", "yes")


def read_lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces, without their line ends, as soon as each is complete."""
    rest = ""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split("\n")
        yield from complete
    if rest:
        yield rest


def say_unknown(unknown: int, notes: Notes) -> None:
    """Say how many tokens of a prompt the model does not know, if there are any."""
    if unknown:
        notes.say("prompt", f"{format_amount(unknown, 'token')} of it not in the vocabulary; read as <unk>")


def say_replaced(replaced: Mapping[str, str], notes: Notes) -> None:
    """Say which characters were read as which others, if any were."""
    if replaced:
        pairs = [f"{_visible(one)} as {_visible(other)}" for one, other in islice(replaced.items(), _EXAMPLES)]
        more = [f"and {len(replaced) - _EXAMPLES} more"] if len(replaced) > _EXAMPLES else []
        notes.say("read", ", ".join([*pairs, *more]))


def _visible(text: str) -> str:
    """A blank as ␣, other kinds of blanks by their number."""
    return "␣" if text == " " else f"U+{ord(text):04X}" if text.isspace() else text


def warn_of_unknown(unknown: int, tokens: int, model: str, notes: Notes) -> None:
    """Warn if half or more of the tokens that a model was to read are unknown to it; `<eos>` is not counted."""
    if 2 * unknown >= tokens > 0:
        share = f"{tokens - unknown:,} of {format_amount(tokens, 'token')}"
        notes.warn(f"the model {model} knows {share}; it learnt another kind of text: try another --model or --level")
