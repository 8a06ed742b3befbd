"""Finding, loading and naming the model that a command shall use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen.cli.show.summary import format_network

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes
    from textgen.lm.storage.model import LanguageModel


def open_model(name_or_path: str | None, level: str | None, notes: Notes) -> tuple[LanguageModel, str]:
    """The model asked for, and its name; which one it is is said in a note."""
    from textgen.lm.storage.model_file import load_model
    from textgen.lm.storage.store import find_model, name_of

    path, model = find_model(name_or_path, level, load_model, notes.warn)
    name = name_of(path)
    notes.say("model", f"{name} ({model.level}, {format_network(model.network.config)})")
    return model, name
