"""Reading sentences, and saying so where a command would silently wait for the keyboard."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.cli.terminal.output import print_line
from textgen.paths import STDIN

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes


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
