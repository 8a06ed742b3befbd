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
    from textgen.text.tokens.run_index import RunIndex

VARIABLE = "TEXTGEN_MODEL"  # of the environment: the model that is used if none is asked for; empty is none
_Found = TypeVar("_Found")


def open_model(name_or_path: str | None, level: str | None, notes: Notes) -> tuple[LanguageModel, str]:
    """The model asked for, and its name; which one it is is said in a note."""
    model, name, _ = open_model_file(name_or_path, level, notes)
    return model, name


def open_model_file(name_or_path: str | None, level: str | None, notes: Notes) -> tuple[LanguageModel, str, Path]:
    """As `open_model`, and the model's file."""
    from textgen.lm.storage.model_file import load_model
    from textgen.lm.storage.store import name_of

    path, model = choose_model(name_or_path, level, load_model, notes.warn)
    name = name_of(path)
    origin = describe_origin(name_or_path, path)
    notes.say("model", f"{name} ({model.level}, {format_network(model.network.config)}){origin}")
    return model, name, path


def open_index(path: Path, model: LanguageModel, wanted_by: str) -> RunIndex:
    """The index of the text that the model at `path` learnt.

    Raises NoSuchModelError, naming the option that wants it, if there is none; ModelFileError if it is damaged.
    """
    from textgen.lm.storage.index_file import load_index
    from textgen.lm.storage.store import index_path, is_packaged

    if is_packaged(path):
        raise NoSuchModelError(
            f"{wanted_by} needs an index of the text that the model learnt; the models that come with textgen have none"
        )
    try:
        return load_index(index_path(path), model)
    except NoSuchModelError as error:
        raise NoSuchModelError(f"{wanted_by}: {error}") from error


def find_index(path: Path, model: LanguageModel, notes: Notes) -> RunIndex | None:
    """The same where nothing asks for it; None if there is none, or a damaged one, which is told."""
    try:
        return open_index(path, model, "copies")
    except NoSuchModelError:
        return None
    except ModelFileError as error:
        notes.warn(f"{error}; copies are not looked for")
        return None


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
