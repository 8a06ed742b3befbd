"""`textgen sample`: write new sequences, or complete a beginning."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from textgen.checks import check_text
from textgen.cli.commands import options
from textgen.cli.request.request import pick
from textgen.cli.terminal.number_formats import format_amount
from textgen.cli.terminal.output import Notes, flush_data
from textgen.cli.terminal.reading import announce_terminal, read_lines, say_replaced, say_unknown, warn_of_unknown
from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig
from textgen.paths import display_name

if TYPE_CHECKING:
    from textgen.lm.writing.copies import Copies
    from textgen.lm.writing.sampling import Sample
    from textgen.text.tokens.run_index import RunIndex

_plain = options.group(options.OPTIONS)
_drawing = options.group("Drawing")
_shape = options.group("Shape")
_choice = options.group("Choice")
_output = options.group(options.OUTPUT)


def sample(
    model: options.Model = None,
    level: options.Level = None,
    count: Annotated[
        int, _plain("--count", "-n", metavar="N", common=True, help="How many sequences, for each prompt.")
    ] = SamplingConfig.count,
    prompt: Annotated[
        str | None, _plain(metavar="TEXT", common=True, help="The beginning, to be completed.", show_default=False)
    ] = None,
    prompt_file: Annotated[
        Path | None,
        _plain(
            parser=options.input_file,
            metavar="FILE",
            help="One prompt a line; - is standard input.",
            show_default=False,
        ),
    ] = None,
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
        _drawing(metavar="X", common=True, help="Below 1: safer; above 1: wilder; 0: the most probable token."),
    ] = SamplingConfig.temperature,
    top_k: Annotated[
        int, _drawing(metavar="N", help="Draw from the N most probable tokens; 0: from all.")
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
        _drawing("--greedy", help="Draw the first token, so that sequences differ; then as --temperature 0 does."),
    ] = SamplingConfig.greedy,
    allow_unk: Annotated[bool, _drawing("--allow-unk", help="Let <unk> be drawn.")] = SamplingConfig.allow_unk,
    repetition_penalty: Annotated[
        float, _drawing(metavar="X", help="Divide the probability of tokens that have occurred by X; 1: off.")
    ] = SamplingConfig.repetition_penalty,
    no_repeat_ngram: Annotated[
        int, _drawing(metavar="N", help="Never write the same N tokens in a row twice in a sequence; 0: off.")
    ] = SamplingConfig.no_repeat_ngram,
    ban: Annotated[
        list[str] | None,
        _drawing(
            metavar="TEXT", help="Never write TEXT (at the word level: these words). Repeatable.", show_default=False
        ),
    ] = None,
    novel: Annotated[
        int | None,
        _drawing(metavar="N", help="Share no more than N tokens in a row with the training text.", show_default="off"),
    ] = SamplingConfig.novel,
    max_length: Annotated[
        int, _shape(metavar="N", common=True, help="Cut a sequence after so many tokens.")
    ] = SamplingConfig.max_length,
    min_length: Annotated[
        int, _shape(metavar="N", help="Do not end a sequence before so many tokens.")
    ] = SamplingConfig.min_length,
    finish: Annotated[
        bool, _shape("--finish", common=True, help="What would be cut ends with its last whole sentence.")
    ] = SamplingConfig.finish,
    stop: Annotated[
        list[str] | None,
        _shape(metavar="TEXT", help="End before TEXT, as soon as it is written. Repeatable.", show_default=False),
    ] = None,
    match: Annotated[
        str | None,
        _choice(metavar="REGEX", help="Only sequences in which it is found; ^ and $ are the ends.", show_default=False),
    ] = SamplingConfig.match,
    tries: Annotated[
        int, _choice(metavar="N", help="How many to draw at most for a sequence that has to match.")
    ] = SamplingConfig.tries,
    best_of: Annotated[
        int,
        _choice(metavar="N", help="Of each N sequences take the one with the highest mean log-probability."),
    ] = SamplingConfig.best_of,
    show_copies: Annotated[
        bool, _output("--show-copies", help="Mark what stands in the training text, and say how much of it does.")
    ] = False,
    no_echo: Annotated[bool, _output("--no-echo", help="Print what follows the prompt alone.")] = False,
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
    config = pick(SamplingConfig, {**locals(), "stop": tuple(stop or ()), "ban": tuple(ban or ())}).seeded()
    options.check_level(level)
    options.check_threads(threads)
    for option, texts in (("--prompt", [prompt or ""]), ("--stop", config.stop), ("--ban", config.ban)):
        for text in texts:
            check_text(option, text)
    check_text("--match", match or "")
    if prompt is not None and prompt_file is not None:
        raise ConfigError("--prompt and --prompt-file contradict each other; give one of them")

    from textgen.cli.commands.model_choice import find_index, open_index, open_model_file
    from textgen.cli.show.copies import CopyNotes
    from textgen.cli.show.sequences import choose_printer
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.writing.sampling import Piece, stream
    from textgen.lm.writing.sampling import sample as drawn_whole

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, name, path = open_model_file(model, level, notes)
        wanted_by = "--novel" if novel is not None else "--show-copies" if show_copies else ""
        if wanted_by:
            index: RunIndex | None = open_index(path, trained, wanted_by)
        else:
            index = find_index(path, trained, notes) if as_json else None
        prompts = [prompt or ""] if prompt_file is None else _read_prompts(prompt_file, notes)
        if temperature:
            notes.say("seed", str(config.seed))
        printer = choose_printer(
            trained.text.unit,
            several=len(prompts) * count > 1,
            echo=not no_echo,
            beside={"model": name, "seed": config.seed} if as_json else None,
            copies=CopyNotes(trained.level, notes) if show_copies else None,
        )
        notes.part()
        summary = _Summary(config, name, trained.level, notes)
        draw = stream if printer.is_live else drawn_whole
        for found in draw(trained, config, prompts, threads, index):
            if isinstance(found, Piece):
                printer.add(found)
                flush_data()
                continue
            printer.end(found)
            flush_data()  # before a note, which goes another way
            summary.add(found)
        summary.tell()


def _read_prompts(path: Path, notes: Notes) -> list[str]:
    from textgen.text.corpus.files import read_text

    announce_terminal([path], notes, "prompts, one a line,")
    prompts = list(read_lines(read_text(path)))
    if not prompts:
        raise ConfigError(f"{display_name(path)}: there is no prompt in it; an empty line is one")
    return prompts


class _Summary:
    """What is said of all sequences together."""

    def __init__(self, config: SamplingConfig, model: str, level: str, notes: Notes) -> None:
        self._config, self._model, self._level, self._notes = config, model, level, notes
        self._ended: Counter[str] = Counter()
        self._copies: list[Copies] = []
        self._replaced: dict[str, str] = {}
        self._prompts = self._tokens = self._unknown = 0  # of the prompts so far

    def add(self, one: Sample) -> None:
        """Count a sequence. The first prompt with unknown tokens is told at once."""
        self._ended[one.ended] += 1
        self._copies += [one.copies] if one.copies is not None else []
        if one.prompt == self._prompts:  # its first sequence
            if not self._unknown:
                say_unknown(one.prompt_unknown, self._notes)
            self._prompts += 1
            self._tokens += one.prompt_tokens
            self._unknown += one.prompt_unknown
            self._replaced.update(one.prompt_replaced)

    def tell(self) -> None:
        """Say how the prompts were read, how much is copied, and how many sequences were cut."""
        from textgen.cli.show.copies import describe_copies
        from textgen.lm.writing.copies import copies_together

        say_replaced(self._replaced, self._notes)
        warn_of_unknown(self._unknown, self._tokens, self._model, self._notes)
        if self._copies:
            self._notes.say("copied", describe_copies(copies_together(self._copies), self._level))
        cut, cap = self._ended["length"], f"--max-length {self._config.max_length}"
        if cut:
            self._notes.say("length", f"{cut} of {format_amount(self._ended.total(), 'sequence')} cut at {cap}")
