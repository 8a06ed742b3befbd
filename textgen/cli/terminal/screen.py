"""What is drawn on a terminal, by Rich."""

from __future__ import annotations

from typing import Any, TextIO, cast

from rich.console import Console
from rich.text import Text

from textgen.cli.terminal.escapes import escaped
from textgen.cli.terminal.streams import Drawing


class ScreenConsole(Console):
    """A Rich console on `stream`: bold and dim, but no colour, which is unreadable on some screen; no text is markup.

    Its control sequences pass the stream's escaping, so it escapes texts itself, before they are laid out. That holds
    for plain strings, alone or in a table: what comes from outside is given to it as one, never as a `Text`.
    """

    def __init__(self, stream: TextIO) -> None:
        plain: dict[str, Any] = {"no_color": True, "highlight": False, "markup": False, "emoji": False}
        super().__init__(file=cast("TextIO", Drawing(stream)), **plain)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text to be laid out, escaped."""
        return super().render_str(escaped(text), **options)
