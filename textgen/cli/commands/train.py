"""`textgen train`: train a model on the user's text."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen.cli.commands import options
from textgen.cli.request.request import Request, configurations, given_options, merge, settings_of
from textgen.cli.terminal.output import Notes
from textgen.core.cells import CELLS
from textgen.errors import ConfigError
from textgen.lm.config.finetuning import VOCABULARIES, FinetuningConfig
from textgen.lm.config.sizes import SIZES
from textgen.lm.config.text import STARTS, TextConfig
from textgen.lm.config.training import CLIP_MODES, DROPOUT_KINDS, OPTIMIZERS, TrainingConfig
from textgen.nn.config import SOFTMAXES, NetworkConfig
from textgen.text.corpus.units import UNITS
from textgen.text.tokens.tokenizers import LEVELS, TOKENIZERS

_text = options.group("Text")
_network = options.group("Network")
_finetuning = options.group("Fine-tuning")
_length = options.group("Length of the training (at most one of epochs, time and steps)")
_step = options.group("Training step")
_output = options.group(options.OUTPUT)

_LEVEL = f"What a token is: {', '.join(LEVELS)}."
_TOKENIZER = f"How text is cut into tokens: {', '.join(TOKENIZERS)}."
_UNIT = f"What a sequence is: {', '.join(UNITS)}."
_START = f"Input before a sequence's first token: {' or '.join(STARTS)}; eos, its own row, learns beginnings sooner."
_SHUFFLE = "Shuffle the sequences by the seed before the last part is held out, for a list sorted by something."
_CELL = f"Recurrent cell: {', '.join(CELLS)}."
_DROPOUT_KIND = f"Masks for a whole window, or for each time step: {' or '.join(DROPOUT_KINDS)}."
_OPTIMIZER = f"{' or '.join(OPTIMIZERS)}."
_SOFTMAX = f"{', '.join(SOFTMAXES)}; adaptive: rare words are found in clusters, faster where there are many."
_CLIP_BY = f"What of it is limited: {' or '.join(CLIP_MODES)}."
_SIZE = f"Size of the network: {', '.join(SIZES)}."
_CORPUS = f"{options.TEXT} Without any: those that --config names."
_FROM = "Begin with this model: for a text too small to learn from alone. What it knew before is forgotten."
_VOCABULARY = f"Whether its tokens that the text lacks stay or go: {' or '.join(VOCABULARIES)}."
_CONFIG = "Read options from this TOML file; those of the command line win."
_AVERAGE = "Validate and keep an average of the parameters, half of it from the last eighth of the updates."
_INDEX = "Leave an index of the text beside the model, with which copies are found; it holds the text."
_PRINT_CONFIG = "Print the files and all settings, as --config takes them; train nothing."
_A_TENTH = "0.1, at most 500,000 characters"  # as holdout.py has it, which loads NumPy
_BY_LEVEL, _BY_TOKENIZER, _BY_TEXT, _BY_SIZE = "by level", "by tokenizer", "by the text", "by the size"
_TIE, _BY_VOCABULARY = "The output layer's matrix is the embedding.", "by the vocabulary"


def train(
    context: typer.Context,
    corpus: Annotated[
        list[Path] | None,
        typer.Argument(parser=options.input_file, metavar="FILE", help=_CORPUS, show_default=False),
    ] = None,
    level: Annotated[
        str | None, _text(metavar="LEVEL", common=True, help=_LEVEL, show_default=TextConfig().level)
    ] = None,
    tokenizer: Annotated[str | None, _text(metavar="NAME", help=_TOKENIZER, show_default=_BY_LEVEL)] = None,
    unit: Annotated[str, _text(metavar="UNIT", common=True, help=_UNIT)] = TextConfig.unit,
    carry: Annotated[bool, _text("--carry", help="Keep the state from sequence to sequence.")] = TextConfig.carry,
    start: Annotated[str, _text(metavar="HOW", help=_START)] = TextConfig.start,
    lowercase: Annotated[bool, _text("--lowercase", help="Make everything lower case.")] = TextConfig.lowercase,
    min_count: Annotated[
        int | None,
        _text(metavar="N", help="Tokens seen less often become <unk>.", show_default=_BY_TOKENIZER),
    ] = TextConfig.min_count,
    max_vocab: Annotated[
        int | None,
        _text(metavar="N", help="Keep the N commonest tokens; 0: all.", show_default=_BY_TOKENIZER),
    ] = TextConfig.max_vocab,
    valid: Annotated[
        Path | None,
        _text(
            parser=options.input_file,
            metavar="FILE",
            help="Validate on this text, hold nothing out.",
            show_default=False,
        ),
    ] = None,
    valid_fraction: Annotated[
        float | None, _text(metavar="X", help="Hold the last part out, this share of the text.", show_default=_A_TENTH)
    ] = TextConfig.valid_fraction,
    shuffle: Annotated[bool, _text("--shuffle", common=True, help=_SHUFFLE)] = TextConfig.shuffle,
    index: Annotated[bool, _text("--index/--no-index", help=_INDEX)] = Request.index,
    cell: Annotated[str, _network(metavar="CELL", help=_CELL)] = NetworkConfig.cell,
    size: Annotated[
        str | None, _network(metavar="SIZE", common=True, help=_SIZE, show_default=_BY_TEXT)
    ] = TrainingConfig.size,
    hidden: Annotated[
        int | None, _network(metavar="N", help="Units in a layer.", show_default=_BY_SIZE)
    ] = NetworkConfig.hidden,
    layers: Annotated[
        int | None, _network(metavar="N", help="Recurrent layers.", show_default=_BY_SIZE)
    ] = NetworkConfig.layers,
    embedding: Annotated[
        int | None,
        _network(metavar="N", help="Size of the embedding; 0: one-hot input.", show_default=_BY_VOCABULARY),
    ] = NetworkConfig.embedding,
    head_layers: Annotated[
        int, _network(metavar="N", help="Dense layers before the softmax.")
    ] = NetworkConfig.head_layers,
    tie: Annotated[
        bool | None,
        _network("--tie/--no-tie", help="The output layer's matrix is the embedding.", show_default=_BY_VOCABULARY),
    ] = NetworkConfig.tie,
    softmax: Annotated[str, _network(metavar="HOW", help=_SOFTMAX)] = NetworkConfig.softmax,
    dropout: Annotated[
        float | None,
        _network(metavar="X", help="Share of units dropped after each layer.", show_default="by the epochs"),
    ] = TrainingConfig.dropout,
    dropout_kind: Annotated[str, _network(metavar="KIND", help=_DROPOUT_KIND)] = TrainingConfig.dropout_kind,
    word_dropout: Annotated[
        float | None,
        _network(metavar="X", help="Share of the input's tokens that are dropped.", show_default="by the epochs"),
    ] = TrainingConfig.word_dropout,
    base: Annotated[
        str | None, _finetuning("--from", common=True, metavar="NAME|FILE", help=_FROM, show_default=False)
    ] = FinetuningConfig.base,
    vocabulary: Annotated[
        str | None, _finetuning(metavar="WHICH", help=_VOCABULARY, show_default=VOCABULARIES[0])
    ] = FinetuningConfig.vocabulary,
    epochs: Annotated[
        int | None, _length(metavar="N", common=True, help="Passes over the text.", show_default=_BY_TEXT)
    ] = TrainingConfig.epochs,
    time: Annotated[
        str | None,
        _length(metavar="TIME", common=True, help="How long: 90s, 10m, 1h30m, or seconds.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None, _length(metavar="N", help="Updates of the weights.", show_default=False)
    ] = TrainingConfig.steps,
    patience: Annotated[
        int, _length(metavar="N", help="Stop after N validations without a better one; 0: never.")
    ] = TrainingConfig.patience,
    batch: Annotated[
        int | None, _step(metavar="N", help="Rows of a batch.", show_default=_BY_TEXT)
    ] = TrainingConfig.batch,
    bptt: Annotated[
        int | None, _step(metavar="N", help="Time steps of a window.", show_default=_BY_TEXT)
    ] = TrainingConfig.bptt,
    optimizer: Annotated[str, _step(metavar="NAME", help=_OPTIMIZER)] = TrainingConfig.optimizer,
    lr: Annotated[
        float | None, _step("--lr", metavar="X", help="Highest learning rate.", show_default=_BY_SIZE)
    ] = TrainingConfig.lr,
    warmup: Annotated[
        int | None,
        _step(metavar="N", help="Steps until the learning rate is at its highest.", show_default="50 or a tenth"),
    ] = TrainingConfig.warmup,
    momentum: Annotated[float, _step(metavar="X", help="Momentum, for sgd.")] = TrainingConfig.momentum,
    weight_decay: Annotated[
        float, _step(metavar="X", help="Decoupled weight decay; biases have none.")
    ] = TrainingConfig.weight_decay,
    average: Annotated[
        bool | None, _step("--average/--no-average", help=_AVERAGE, show_default="by the epochs")
    ] = TrainingConfig.average,
    clip: Annotated[float, _step(metavar="X", help="Limit of the gradient; 0: none.")] = TrainingConfig.clip,
    clip_by: Annotated[str, _step(metavar="HOW", help=_CLIP_BY)] = TrainingConfig.clip_by,
    seed: Annotated[int, _step(metavar="N", help="The same seed gives the same model.")] = TrainingConfig.seed,
    threads: Annotated[
        int, _step(metavar="N", help=options.THREADS, show_default=options.ALL_CORES)
    ] = TrainingConfig.threads,
    name: Annotated[
        str | None,
        _output(metavar="NAME", common=True, help="The model's name.", show_default="by the file's and the level"),
    ] = None,
    output: Annotated[
        Path | None,
        _output(
            parser=options.output_file,
            metavar="FILE",
            help="Write the model here, not to the store.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, _output("--force", help="Replace a model that exists.")] = False,
    resume: Annotated[
        bool, _output("--resume", common=True, help="Go on with a training that was interrupted.")
    ] = False,
    checkpoint_minutes: Annotated[
        float, _output(metavar="X", help="From one checkpoint to the next; 0: only when validated.")
    ] = TrainingConfig.checkpoint_minutes,
    log: Annotated[
        Path | None,
        _output(
            parser=options.output_file,
            metavar="FILE",
            help="Append each report to FILE, as JSON Lines.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        _output(parser=options.input_file, metavar="FILE", common=True, help=_CONFIG, show_default=False),
    ] = None,
    print_config: Annotated[bool, _output("--print-config", help=_PRINT_CONFIG)] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    help_all: options.HelpAll = False,
) -> None:
    """Train a model on your text, save it, and show what it writes.

    Examples:
        textgen train corpora/shakespeare.txt
        textgen train corpora/names.txt --shuffle --time 2m --name babies
    """
    values = dict(locals())
    values, given = merge(values, given_options(context), _read(config))
    configs = configurations(values)
    corpus, valid = values["corpus"], values["valid"]
    if not corpus:
        raise ConfigError("there is no text to train on; name a FILE, or with --config a file that names some")
    if resume and force:
        raise ConfigError("--resume and --force contradict each other; give one of them")

    from textgen.cli.course.course import run_training
    from textgen.cli.course.print_config import print_config as print_settings
    from textgen.cli.request.destination import Destination
    from textgen.cli.request.resuming import open_checkpoint, text_to_validate_on
    from textgen.lm.planning.base import Base
    from textgen.lm.progress.resumable import resumable_path
    from textgen.lm.storage.store import checkpoint_path

    checkpoint, settings, notes = None, settings_of(given), Notes(quiet)
    model = Base.opened(configs.finetuning, notes.warn)
    if model is not None and not resume:
        text, network = model.taken_over(configs.text, configs.network, configs.training, given)
        configs = replace(configs, text=text, network=network)
    level, place = configs.text.level, (name, output)
    if resume:
        path = resumable_path(*place, corpus, level if "tokenizer" in settings else None)
    held: AbstractContextManager[Destination | None] = nullcontext()  # the settings can be printed while it trains
    if not print_config:
        held = Destination.resumed(path) if resume else Destination.checked(*place, corpus[0], level, force=force)
    with held as destination:
        if resume:  # read no sooner: until now another process may have written it
            checkpoint, configs = open_checkpoint(checkpoint_path(path), configs, settings, model)
            valid = text_to_validate_on(checkpoint, valid)
        if destination is None:
            print_settings(corpus, valid, configs, notes, checkpoint or model)
        else:
            run_training(Request(corpus, valid, configs, destination, log, notes, as_json, checkpoint, index, model))


def _read(config: Path | None) -> dict[str, Any]:
    """The options that stand in a file, if one is given. Raises ConfigError, naming it, if they cannot be."""
    if config is None:
        return {}
    from textgen.cli.request.config_file import read_config

    found = read_config(config)
    try:
        configurations(found)
    except ConfigError as error:
        raise ConfigError(f"{config}: {error}") from error
    return found
