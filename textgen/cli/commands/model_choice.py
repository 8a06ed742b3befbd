"""Finding, loading and naming the model that a command shall use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen.cli.terminal.number_formats import format_amount

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes
    from textgen.lm.storage.model import LanguageModel
    from textgen.nn.config import NetworkConfig


def open_model(name_or_path: str | None, level: str | None, notes: Notes) -> tuple[LanguageModel, str]:
    """The model asked for, and its name; which one it is is said in a note."""
    from textgen.lm.storage.model_file import load_model
    from textgen.lm.storage.store import find_model, name_of

    path, model = find_model(name_or_path, level, load_model, notes.warn)
    name = name_of(path)
    notes.say("model", f"{name} ({model.level}, {format_network(model.network.config)})")
    return model, name


def format_network(network: NetworkConfig) -> str:
    """'lstm, 2 layers of 256 units', and what else the network has."""
    units = f"{network.hidden} units"
    parts = [network.cell, units if network.layers == 1 else f"{network.layers} layers of {units}"]
    if network.embedding:
        parts.append(f"{'tied ' if network.tie else ''}embedding {network.embedding}")
    if network.head_layers:
        parts.append(format_amount(network.head_layers, "head layer"))
    if network.cutoffs:
        parts.append("adaptive softmax")
    return ", ".join(parts)
