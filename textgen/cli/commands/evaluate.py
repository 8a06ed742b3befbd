"""`textgen evaluate`: how well a model predicts a held-out text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen.cli.commands import options
from textgen.cli.terminal.number_formats import format_perplexity
from textgen.cli.terminal.output import Notes, print_json
from textgen.cli.terminal.reading import announce_terminal

if TYPE_CHECKING:
    from textgen.lm.inference.evaluation import Evaluation


def evaluate(
    file: options.Texts,
    model: options.Model = None,
    level: options.Level = None,
    threads: options.Threads = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure a model on a held-out text.

    Shown are nats per token and per first token of a sequence, perplexity with and without tokens outside
    the vocabulary (OOV), bits per character, and a signature that says how they were counted.

    Examples:
        textgen evaluate corpora/alice.txt
        textgen evaluate corpora/alice.txt --model pride-word --json
    """
    options.check_level(level)
    options.check_threads(threads)

    from textgen.cli.commands.model_choice import open_model
    from textgen.cli.show.table import print_pairs
    from textgen.cli.terminal.compiling import compilation_watched
    from textgen.lm.inference.evaluation import evaluate as measure

    notes = Notes(quiet)
    with compilation_watched(notes):
        trained, name = open_model(model, level, notes)
        announce_terminal(file, notes)
        result = measure(trained, file, threads=threads)
    if as_json:
        print_json({"model": name, "files": [str(path) for path in file], **as_record(result)})
    else:
        print_pairs(describe(result))


def as_record(result: Evaluation) -> dict[str, object]:
    """The figures of an evaluation, for JSON."""
    return {
        "sequences": result.sequences,
        "tokens": result.tokens,
        "oovs": result.oovs,
        "characters": result.characters,
        "nats": result.nats,
        "nats_per_token": result.nats_per_token,
        "nats_per_first_token": result.nats_per_first_token,
        "perplexity": result.perplexity,
        "perplexity_without_oov": result.perplexity_without_oov,
        "bits_per_character": result.bits_per_character,
        "signature": result.signature,
    }


def describe(result: Evaluation) -> list[tuple[str, str]]:
    """The figures of an evaluation, for people."""
    return [
        ("sequences", f"{result.sequences}"),
        ("tokens", f"{result.tokens}"),
        ("OOVs", f"{result.oovs}"),
        ("characters", f"{result.characters}"),
        ("nats per token", f"{result.nats_per_token:.4f}"),
        ("nats per first token", f"{result.nats_per_first_token:.4f}"),
        ("perplexity", format_perplexity(result.perplexity)),
        ("perplexity without OOV", format_perplexity(result.perplexity_without_oov)),
        ("bits per character", f"{result.bits_per_character:.4f}"),
        ("signature", result.signature),
    ]
