"""Finding, loading and naming the model that a command shall use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textgen.cli.show.summary import format_network
from textgen.errors import ModelFileError, NoSuchModelError

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes
    from textgen.lm.storage.model import LanguageModel

VARIABLE = "TEXTGEN_MODEL"  # of the environment: the model that is used if none is asked for; empty is none
_Found = TypeVar("_Found")


def open_model(name_or_path: str | None, level: str | None, notes: Notes) -> tuple[LanguageModel, str]:
    """The model asked for, and its name; which one it is is said in a note."""
    from textgen.lm.storage.model_file import load_model
    from textgen.lm.storage.store import name_of

    path, model = choose_model(name_or_path, level, load_model, notes.warn)
    name = name_of(path)
    origin = describe_origin(name_or_path, path)
    notes.say("model", f"{name} ({model.level}, {format_network(model.network.config)}){origin}")
    return model, name


def choose_model(
    name_or_path: str | None, level: str | None, read: Callable[[Path], _Found], warn: Callable[[str], None]
) -> tuple[Path, _Found]:
    """What `find_model` finds; if no model is asked for, the one that the environment names is.

    An error about that one names the variable.
    """
    from textgen.lm.storage.store import find_model

    named = os.environ.get(VARIABLE)
    if name_or_path is not None or not named:
        return find_model(name_or_path, level, read, warn)
    try:
        return find_model(named, level, read, warn)
    except (NoSuchModelError, ModelFileError) as error:
        raise type(error)(f"{VARIABLE}: {error} (--model comes before it)") from error


def describe_origin(name_or_path: str | None, path: Path) -> str:
    """What a note adds about the model at `path`: ', named by TEXTGEN_MODEL', ', which came with textgen'; often ''."""
    from textgen.lm.storage.store import is_packaged

    named = f", named by {VARIABLE}" if name_or_path is None and os.environ.get(VARIABLE) else ""
    return f"{named}{', which came with textgen' if is_packaged(path) else ''}"
