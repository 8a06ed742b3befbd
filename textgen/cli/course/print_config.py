"""`textgen train --print-config`: all settings as they would be, what the text decides included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.cli.course.course import read_text
from textgen.cli.request.config_file import format_config
from textgen.cli.terminal.output import Notes, print_data
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import plan
from textgen.paths import STDIN, Found, display_name, look_at

if TYPE_CHECKING:
    from textgen.cli.request.request import Configs
    from textgen.lm.progress.checkpoint import Checkpoint


def print_config(
    files: Sequence[Path], valid: Path | None, configs: Configs, notes: Notes, begin: Checkpoint | Base | None
) -> None:
    """Print a training as TOML that `--config` takes, with the files that it reads, and train nothing.

    begin : as in `read_text`. Where the model and the log go is left out: with `--config` alone the training is
    repeated, into another model.
    """
    corpus = read_text(files, valid, configs, notes, begin)
    prepared = plan(corpus, configs.network, configs.training, begin if isinstance(begin, Base) else None)
    if prepared.reason:
        notes.say("chosen", prepared.reason)
    text = {"corpus": files, "valid": valid, **asdict(replace(configs.text, unit=corpus.unit))}
    sections = {"text": text, "network": asdict(prepared.network), "training": asdict(prepared.training)}
    print_data(format_config(sections | {"finetuning": asdict(configs.finetuning)}))
    for path in [*files, *([] if valid is None else [valid])]:
        if str(path) == STDIN or look_at(path).kind is Found.STREAM:
            notes.warn(f"{display_name(path)} cannot be read again; give it the same text when --config is used")
