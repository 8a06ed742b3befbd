"""`textgen sample`: write new sequences, or complete a beginning."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from textgen.cli.commands import options
from textgen.cli.show.sequences import print_sequence
from textgen.cli.terminal.number_formats import format_amount
from textgen.cli.terminal.output import Notes, flush_data, print_json
from textgen.cli.training.request import pick
from textgen.lm.config.sampling import SamplingConfig

_plain, _drawing = options.group(options.OPTIONS), options.group("Drawing")

_GREEDY = (
    "Draw the first token, then take the most probable one each time: so samples differ. With --temperature 0 the first"
    " one is the most probable, too: all samples are the same."
)


def sample(
    model: options.Model = None,
    level: options.Level = None,
    count: Annotated[
        int, _plain("--count", "-n", metavar="N", common=True, help="How many sequences.")
    ] = SamplingConfig.count,
    prompt: Annotated[
        str, _plain(metavar="TEXT", common=True, help="The beginning, to be completed.", show_default=False)
    ] = "",
    max_length: Annotated[
        int, _plain(metavar="N", common=True, help="Cut a sequence after so many tokens.")
    ] = SamplingConfig.max_length,
    seed: Annotated[
        int | None,
        _plain(
            metavar="N",
            common=True,
            help="The same seed gives the same sequences.",
            show_default="a new one each time",
        ),
    ] = SamplingConfig.seed,
    threads: options.Threads = 0,
    temperature: Annotated[
        float,
        _drawing(metavar="X", common=True, help="Below 1: safer; above 1: wilder."),
    ] = SamplingConfig.temperature,
    top_k: Annotated[
        int,
        _drawing(metavar="N", help="Draw from the N most probable tokens; 0: from all."),
    ] = SamplingConfig.top_k,
    top_p: Annotated[
        float,
        _drawing(
            metavar="X",
            common=True,
            help="Draw from the fewest tokens that are X probable together (nucleus); 1: from all.",
        ),
    ] = SamplingConfig.top_p,
    min_p: Annotated[
        float,
        _drawing(metavar="X", help="Draw from tokens at least X times as probable as the most probable; 0: from all."),
    ] = SamplingConfig.min_p,
    greedy: Annotated[
        bool,
        _drawing("--greedy", common=True, help=_GREEDY),
    ] = SamplingConfig.greedy,
    allow_unk: Annotated[bool, _drawing("--allow-unk", help="Let <unk> be drawn.")] = SamplingConfig.allow_unk,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    help_all: options.HelpAll = False,
) -> None:
    """Write new text, or complete a beginning.

    Each sequence is what the model was trained on: a line, a paragraph, or a whole text.

    Examples:
        textgen sample --prompt "ROMEO:" --temperature 0.7 -n 3
        textgen sample --model names-char -n 1000 --seed 1 --json
    """
    config = pick(SamplingConfig, locals()).seeded()
    options.check_level(level)
    options.check_threads(threads)
    options.check_text("--prompt", prompt)

    from textgen.cli.commands.model_choice import open_model
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.inference.sampling import sample as draw

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, name = open_model(model, level, notes)
        notes.say("seed", str(config.seed))
        notes.part()
        cut = unknown = 0
        for one in draw(trained, config, prompt=prompt, threads=threads):
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
