"""`textgen repl`: write together with a model, turn by turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from textgen.cli.commands import options
from textgen.cli.request.request import pick
from textgen.cli.terminal.output import Notes
from textgen.lm.config.sampling import SamplingConfig

_LENGTHS = {"char": 300, "word": 60}  # tokens of a turn


def repl(
    model: options.Model = None,
    level: options.Level = None,
    temperature: Annotated[
        float, typer.Option(metavar="X", help="Below 1: safer; above 1: wilder; 0: the most probable token each time.")
    ] = SamplingConfig.temperature,
    max_length: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens of a turn.", show_default="300 characters or 60 words")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="The same seed and lines: the same text.", show_default="a new one each time"),
    ] = SamplingConfig.seed,
    threads: options.Threads = 0,
    quiet: options.Quiet = False,
) -> None:
    """Write together with a model: type a beginning, see it go on, change how it draws, go back and try another way.

    /help lists what can be asked for. Ctrl-C stops the model, Ctrl-D leaves.

    Examples:
        textgen repl
        textgen repl --model shakespeare-char --temperature 0.7
    """
    values = {name: value for name, value in locals().items() if name != "max_length" or value is not None}
    config = pick(SamplingConfig, values).seeded()
    options.check_level(level)
    options.check_threads(threads)

    from textgen.cli.commands.model_choice import open_index, open_model_file
    from textgen.cli.repl.editor import line_editor
    from textgen.cli.repl.session import Session
    from textgen.cli.repl.view import View
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.storage.store import models_folder
    from textgen.lm.writing.sampling import stream

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, _, path = open_model_file(model, level, notes)
        if max_length is None:
            config = replace(config, max_length=_LENGTHS[trained.level])
        notes.say("seed", str(config.seed))
        notes.say("hello", "type a beginning, then Enter; /help lists the rest, Ctrl-D leaves")
        session = Session(
            lambda how, begun, index: stream(trained, how, [begun], threads, index),
            lambda: open_index(path, trained, "/novel"),
            config,
            notes,
            View(),
        )
        with line_editor(models_folder().parent / "repl-history", session.words()) as read:
            while not session.is_over:
                try:
                    session.take(read(session.mark))
                except EOFError:
                    break
                except KeyboardInterrupt:  # while a line is typed: it is thrown away
                    session.view.tell("")
