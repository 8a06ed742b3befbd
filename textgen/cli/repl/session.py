"""A session: lines that were typed become turns of a story, or are commands about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.checks import check_text
from textgen.cli.repl.settings import changed, described, setting_names
from textgen.cli.repl.story import Story
from textgen.cli.repl.view import View
from textgen.cli.terminal.reading import say_replaced, say_unknown
from textgen.errors import ConfigError, OutputError, TextgenError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.writing.sampling import Piece, Sample

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes
    from textgen.text.tokens.run_index import RunIndex

Draw = Callable[[SamplingConfig, str, "RunIndex | None"], Iterator[Piece | Sample]]

_TAIL = 40  # characters of a text that are listed
HELP = """\
What you type is a beginning, or goes on with the text so far; Enter alone lets
the model go on.
/again       another way to go on from the same place
/back        to the place before this turn
/go N        to the place number N; /places lists them
/new         begin anew
/show        the whole text
/save FILE   add the text to the end of FILE
/settings    how tokens are drawn; /temperature 0.7, /top-p 0.9 ... change it
/quit        leave; so does Ctrl-D, and Ctrl-C stops the model
A line that begins with // is text that begins with /."""


class Session:
    """A story, how it is drawn, and what shows it.

    draw : what writes a sequence after a prompt, piece by piece; `/novel` needs an index of the training text for it.
    open_index : what reads that when it is first needed, or raises a TextgenError. view : shows what is written.
    """

    def __init__(
        self, draw: Draw, open_index: Callable[[], RunIndex], config: SamplingConfig, notes: Notes, view: View
    ) -> None:
        self.draw, self.config, self.notes, self.view = draw, config, notes, view
        self._open_index = open_index
        self._index: RunIndex | None = None
        self.story, self.is_over = Story(), False
        self._turns = 0
        self._commands: dict[str, Callable[[str], None]] = {
            "again": self._go_on_otherwise,
            "back": self._go_back,
            "go": self._go_to,
            "help": lambda _: self.view.tell(HELP),
            "new": lambda _: self.story.begin_anew(),
            "places": self._list_places,
            "quit": self._leave,
            "save": self._save,
            "settings": self._list_settings,
            "show": lambda _: self.view.tell(self.story.here.text),
        }

    def words(self) -> list[str]:
        """All commands."""
        return [f"/{name}" for name in sorted([*self._commands, *setting_names()])]

    @property
    def mark(self) -> str:
        """What stands before a line that is typed: '> ' where a text begins, '+ ' where one goes on."""
        return "+ " if self._text_so_far() else "> "

    def take(self, line: str) -> None:
        """Do what a line asks for; what cannot be is told, and nothing is changed.

        Raises OutputError where nothing can be shown any more.
        """
        try:
            check_text("this line", line)
            if line.startswith("/") and not line.startswith("//"):
                name, _, rest = line[1:].partition(" ")
                self._obey(name, rest.strip())
            else:
                self.write(line.removeprefix("/") if line.startswith("//") else line)
        except OutputError:
            raise
        except TextgenError as error:
            self.notes.say("sorry", str(error))

    def write(self, added: str) -> None:
        """A turn: `added` follows the text so far, and the model goes on. Ctrl-C ends the turn."""
        begun = self._text_so_far() + added
        self._turns += 1
        config = replace(self.config, count=1, seed=(self.config.seed or 0) + self._turns)
        written, end = begun, None
        try:
            self.view.show(added)
            for found in self.draw(config, begun, self._index):
                if isinstance(found, Sample):
                    written, end = found.text, found
                elif not found.is_prompt:
                    written += found.text
                    self.view.show(found.text)
        except KeyboardInterrupt:
            pass
        finally:
            self.view.end()
        self.story.add(written, added, is_over=end is not None and end.ended == "eos")
        self._tell(end)

    def _text_so_far(self) -> str:
        """What the next turn goes on from; nothing, where a sequence is over."""
        return "" if self.story.here.is_over else self.story.here.text

    def _tell(self, end: Sample | None) -> None:
        """Say how a turn ended, if that is not plain to see."""
        if end is None:
            self.notes.say("stopped", "Enter goes on, /back takes it back")
            return
        say_unknown(end.prompt_unknown, self.notes)
        say_replaced(end.prompt_replaced, self.notes)
        if end.ended == "eos":
            self.notes.say("end", "of the sequence; what comes next begins anew, /again tries another way")

    def _obey(self, name: str, rest: str) -> None:
        if name in self._commands:
            self._commands[name](rest)
        elif name in setting_names():
            config = changed(self.config, name, rest)
            if config.novel is not None and self._index is None:
                self._index = self._open_index()
            self.config = config
        else:
            similar = get_close_matches(f"/{name}", self.words())
            hint = f"did you mean {' or '.join(similar)}?" if similar else "/help lists what there is"
            raise ConfigError(f"there is no command /{name}; {hint}")

    def _go_on_otherwise(self, _: str) -> None:
        added = self.story.here.added
        if not self.story.go_back():
            raise ConfigError("nothing has been written yet; type a beginning")
        self.write(added)

    def _go_back(self, _: str) -> None:
        if not self.story.go_back():
            raise ConfigError("this is the beginning")
        self.view.tell(self.story.here.text)

    def _go_to(self, rest: str) -> None:
        if not (rest.isdecimal() and self.story.go_to(int(rest))):
            raise ConfigError(f"/go takes the number of a place, not '{rest}'; /places lists them")
        self.view.tell(self.story.here.text)

    def _list_places(self, _: str) -> None:
        if len(self.story.places) == 1:
            raise ConfigError("there are no places yet; type a beginning")
        for number, place in enumerate(self.story.places[1:], start=1):
            here = "*" if number == self.story.now else " "
            self.view.tell(f"{here}{number:>4}  from {place.before}  ...{place.text[-_TAIL:]!r}")

    def _list_settings(self, _: str) -> None:
        for name, value in described(self.config):
            self.view.tell(f"/{name:20}{value}")

    def _save(self, rest: str) -> None:
        if not rest:
            raise ConfigError("/save takes a file's name")
        path = Path(rest).expanduser()
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(self.story.here.text + "\n")
        except (OSError, ValueError) as error:
            self.notes.say("sorry", f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}")
        else:
            self.notes.say("saved", f"at the end of {path}")

    def _leave(self, _: str) -> None:
        self.is_over = True
