"""The line that is typed: edited, completed by Tab and remembered by readline, where the system has it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from textgen.cli.terminal.output import print_data

_LINES = 1000  # that are remembered


@contextmanager
def line_editor(history: Path, words: Sequence[str]) -> Iterator[Callable[[str], str]]:
    """What reads a line, given the mark that stands before it; EOFError ends the reading, as with `input`.

    history : the file in which lines are remembered from one time to the next; what cannot be kept is forgotten.
    words : what Tab completes. Without a terminal lines are read as they are, and no mark is shown.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield _read_piped
        return
    readline = _load_readline()
    if readline is None:
        yield _read_typed
        return
    _prepare(readline, words)
    with suppress(OSError):
        readline.read_history_file(history)
    try:
        yield _read_typed
    finally:
        readline.set_history_length(_LINES)
        with suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)


def _read_typed(mark: str) -> str:
    try:
        return input(mark)
    except EOFError:
        print_data("")  # the line of the mark ends, so that what comes next has one of its own
        raise


def _read_piped(mark: str) -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _load_readline() -> ModuleType | None:
    """Python's readline; Windows has none, but its console edits and remembers lines by itself."""
    try:
        import readline
    except ImportError:
        return None
    return readline


def _prepare(readline: ModuleType, words: Sequence[str]) -> None:
    def complete(text: str, number: int) -> str | None:
        found = [word for word in words if word.startswith(text)] if text else []
        return found[number] if number < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    is_libedit = "libedit" in (readline.__doc__ or "")  # macOS: with a language of its own
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
