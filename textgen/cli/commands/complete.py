"""`textgen complete`: the most probable ways to go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.checks import check_text, shortened
from textgen.cli.commands import options
from textgen.cli.terminal.number_formats import format_amount
from textgen.cli.terminal.output import Notes
from textgen.cli.terminal.reading import announce_terminal, read_lines, say_replaced, say_unknown
from textgen.errors import ConfigError
from textgen.lm.config.completion import LENGTHS, TO_THE_END, CompletionConfig
from textgen.paths import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textgen.lm.writing.completion import Completions

END = "end"


def complete(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help="The beginning. Without it, or with -: one a line from standard input.",
            show_default=False,
        ),
    ] = None,
    model: options.Model = None,
    level: options.Level = None,
    top: Annotated[
        int, typer.Option("--top", "-k", metavar="N", help="How many ways to go on.")
    ] = CompletionConfig.top,
    length: Annotated[
        str | None,
        typer.Option(
            metavar="N|end",
            help=f"Tokens of each way, its end counted; {END}: up to the end of the sequence, at most {TO_THE_END}.",
            show_default=f"{LENGTHS['char']} characters or {LENGTHS['word']} words",
        ),
    ] = None,
    beams: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Follow the N most probable beginnings; more find more probable ways, and take longer.",
            show_default="4 for each way asked for, at least 16",
        ),
    ] = CompletionConfig.beams,
    temperature: Annotated[
        str,
        typer.Option(
            metavar="X[,X...]",
            help="Below 1: the probable more probable; above 1: less. Several, as 0.5,1,2, with --length 1.",
        ),
    ] = "1",
    allow_unk: Annotated[
        bool, typer.Option("--allow-unk", help="Let <unk> be among what follows.")
    ] = CompletionConfig.allow_unk,
    threads: options.Threads = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what most probably follows a beginning, and how probable it is.

    Shown are the most probable ways to go on that beam search finds, each with its probability, given the
    beginning: the product of its tokens' own. A way that ends before --length is shown if it is among the
    --top most probable of its own length. <unk> is left out, but keeps its share of the probability. What
    is drawn by chance comes from `textgen sample`.

    Examples:
        textgen complete "The apple and"
        textgen complete "The apple and" --length 1 --temperature 0.5,1,2
    """
    config = CompletionConfig(
        top=top,
        length=parse_length(length),
        whole=length == END,
        beams=beams,
        temperatures=parse_temperatures(temperature),
        allow_unk=allow_unk,
    )
    options.check_level(level)
    options.check_threads(threads)
    check_text("TEXT", text or "")

    from textgen.cli.commands.model_choice import open_model
    from textgen.cli.show.completion_view import CompletionView
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.writing.completion import complete as search

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, name = open_model(model, level, notes)
        prompts = _lines(notes) if text in (None, STDIN) else [text]
        view = CompletionView(name, config.temperatures, is_one_token=config.length == 1)
        view.show(_noted(search(trained, config, prompts, threads), config.whole, notes), as_json=as_json)


def parse_length(text: str | None) -> int | None:
    """The tokens that --length asks for, None for 'end'. Raises ConfigError if it is no whole number, either."""
    if text is None or text == END:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(f"--length must be a whole number or '{END}', not {shortened(text)}") from error


def parse_temperatures(text: str) -> tuple[float, ...]:
    """The numbers in '0.5,1,2'. Raises ConfigError if something else stands there."""
    try:
        return tuple(map(float, text.split(",")))
    except ValueError as error:
        raise ConfigError(
            f"--temperature must be a number, or several with commas between them, not {shortened(text)}"
        ) from error


def _lines(notes: Notes) -> Iterable[str]:
    from textgen.text.corpus.files import read_text

    path = Path(STDIN)
    announce_terminal([path], notes, "beginnings, one a line,")
    return read_lines(read_text(path))


def _noted(found: Iterable[Completions], whole: bool, notes: Notes) -> Iterator[Completions]:
    """The same, with notes: of the first unknown tokens, of what was read as what, and what did not come to its end."""
    unknown = cut = ways = 0
    replaced: dict[str, str] = {}
    for completions in found:
        if not unknown:
            unknown = completions.prompt_unknown
            say_unknown(unknown, notes)
        replaced.update(completions.prompt_replaced)
        cut += sum(not way.is_ended for way in completions.ways)
        ways += len(completions.ways)
        yield completions
    say_replaced(replaced, notes)
    if whole and cut:
        notes.say("length", f"{cut} of {format_amount(ways, 'way')} cut at {TO_THE_END} tokens")
