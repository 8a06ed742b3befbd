"""`textgen score`: how probable sentences are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.checks import check_choice, check_text
from textgen.cli.commands import options
from textgen.cli.terminal.output import Notes, flush_data
from textgen.cli.terminal.reading import announce_terminal, read_lines, say_replaced, warn_of_unknown
from textgen.errors import ConfigError
from textgen.paths import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textgen.lm.inference.scoring import SentenceScore

DETAILS = ("summary", "sentence", "token")


def score(
    sentence: Annotated[
        list[str] | None,
        typer.Argument(metavar="SENTENCE", help="Without any: one a line from standard input.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            parser=options.input_file,
            metavar="FILE",
            help="Score each line of a file, blank ones, too; - is standard input; .gz, .bz2, .xz are unpacked.",
            show_default=False,
        ),
    ] = None,
    model: options.Model = None,
    level: options.Level = None,
    threads: options.Threads = 0,
    detail: Annotated[
        str,
        typer.Option(metavar="WHAT", help=f"How much to show: {', '.join(DETAILS)}.", rich_help_panel=options.OUTPUT),
    ] = "sentence",
    base: Annotated[
        str,
        typer.Option(
            metavar="BASE",
            help="Base of the logarithms: 10, 2, e, or a number.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = "10",
    rank: Annotated[
        bool,
        typer.Option("--rank", help="The most probable first, with its ratio to each.", rich_help_panel=options.OUTPUT),
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say how probable sentences are.

    Shown are log-probability, probability, tokens, and perplexity with and without tokens outside the
    vocabulary (OOV). Typographic quotes, dashes and accents that the model lacks are read as their
    nearest ASCII form. Result N is that of line N: blank lines are scored, too, where train and
    evaluate skip them.

    Examples:
        textgen score "To be, or not to be."
        textgen score --rank "It is a truth." "It is the truth." --model pride-word
    """
    check_choice("--detail", detail, DETAILS)
    if rank and detail == "summary":
        raise ConfigError("--rank and --detail summary contradict each other: a summary has no order")
    if sentence and file is not None:
        raise ConfigError("give sentences or --file, not both")
    unit = parse_base(base)
    options.check_level(level)
    options.check_threads(threads)
    for number, text in enumerate(sentence or [], start=1):
        check_text(f"sentence {number}", text)

    from textgen.cli.commands.model_choice import open_model
    from textgen.cli.show.score_view import ScoreView
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.inference.measures import signature_of_sentences
    from textgen.lm.inference.scoring import score as measure

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, name = open_model(model, level, notes)
        readings = _Readings()
        results = readings.counted(measure(trained, sentence or _lines(file or Path(STDIN), notes), threads=threads))
        if rank:
            results = iter(sorted(results, key=lambda result: -result.log_probability))
        view = ScoreView(name, signature_of_sentences(trained.text), detail, base, unit, rank)
        view.show(results, as_json=as_json)
        flush_data()
        say_replaced(readings.replaced, notes)
        warn_of_unknown(readings.unknown, readings.tokens, name, notes)


class _Readings:
    """How the sentences were read that have been scored so far; `<eos>` is not counted."""

    def __init__(self) -> None:
        self.tokens = self.unknown = 0
        self.replaced: dict[str, str] = {}

    def counted(self, results: Iterable[SentenceScore]) -> Iterator[SentenceScore]:
        """`results`, each counted on its way."""
        for result in results:
            self.tokens += len(result.tokens) - 1
            self.unknown += result.oovs
            self.replaced.update(result.replaced)
            yield result


def parse_base(text: str) -> float:
    """The natural logarithm of the base that is named. Raises ConfigError unless that is above 1."""
    if text == "e":
        return 1.0
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 1 < number < math.inf:
        raise ConfigError(f"--base must be 10, 2, e, or another number above 1, not '{text}'")
    return math.log(number)


def _lines(path: Path, notes: Notes) -> Iterable[str]:
    from textgen.text.corpus.files import read_text

    announce_terminal([path], notes, "sentences, one a line,")
    return read_lines(read_text(path))
