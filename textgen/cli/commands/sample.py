"""`textgen sample`: write new sequences, or complete a beginning."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from textgen.cli.commands import options
from textgen.cli.show.sequences import print_sequence
from textgen.cli.terminal.number_formats import format_amount
from textgen.cli.terminal.output import Notes, flush_data, print_json
from textgen.cli.training.request import pick
from textgen.lm.config.sampling import SamplingConfig

DRAWING = "Drawing"


def sample(
    model: options.Model = None,
    level: options.Level = None,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", help="How many sequences.")
    ] = SamplingConfig.count,
    prompt: Annotated[
        str, typer.Option(metavar="TEXT", help="The beginning, to be completed.", show_default=False)
    ] = "",
    max_length: Annotated[
        int, typer.Option(metavar="N", help="Cut a sequence after so many tokens.")
    ] = SamplingConfig.max_length,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="The same seed gives the same sequences.", show_default="a new one each time"),
    ] = SamplingConfig.seed,
    threads: options.Threads = 0,
    temperature: Annotated[
        float,
        typer.Option(metavar="X", help="Below 1: safer; above 1: wilder.", rich_help_panel=DRAWING),
    ] = SamplingConfig.temperature,
    top_k: Annotated[
        int,
        typer.Option(metavar="N", help="Draw from the N most probable tokens; 0: from all.", rich_help_panel=DRAWING),
    ] = SamplingConfig.top_k,
    top_p: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="Draw from the fewest tokens that are X probable together (nucleus); 1: from all.",
            rich_help_panel=DRAWING,
        ),
    ] = SamplingConfig.top_p,
    min_p: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="Draw from tokens at least X times as probable as the most probable; 0: from all.",
            rich_help_panel=DRAWING,
        ),
    ] = SamplingConfig.min_p,
    greedy: Annotated[
        bool,
        typer.Option(
            "--greedy",
            help="Draw the first token, then take the most probable one each time.",
            rich_help_panel=DRAWING,
        ),
    ] = SamplingConfig.greedy,
    allow_unk: Annotated[
        bool, typer.Option("--allow-unk", help="Let <unk> be drawn.", rich_help_panel=DRAWING)
    ] = SamplingConfig.allow_unk,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write new text, or complete a beginning.

    Each sequence is what the model was trained on: a line, a paragraph, or a whole text.
    """
    config = pick(SamplingConfig, locals()).seeded()
    options.check_level(level)
    options.check_threads(threads)
    options.check_text("--prompt", prompt)

    from textgen.cli.commands.model_choice import open_model
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.writing.sampling import sample as draw

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, name = open_model(model, level, notes)
        notes.say("seed", str(config.seed))
        notes.part()
        cut = unknown = 0
        for one in draw(trained, config, [prompt], threads=threads):
            cut += one.ended == "length"
            if one.prompt_unknown and not unknown:
                unknown = one.prompt_unknown
                notes.say("prompt", f"{format_amount(unknown, 'token')} of it not in the vocabulary; read as <unk>")
            if as_json:
                print_json({**asdict(one), "model": name, "seed": config.seed})
            else:
                print_sequence(one, trained.text.unit)
            flush_data()
        if cut:
            notes.say("length", f"{cut} of {format_amount(count, 'sequence')} cut at --max-length {max_length}")
