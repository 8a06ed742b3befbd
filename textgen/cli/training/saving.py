"""Keeping a training on the disk while it runs: its best model, its checkpoint. A full disk ends none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textgen.errors import OutputError

if TYPE_CHECKING:
    from textgen.cli.terminal.output import Notes
    from textgen.cli.training.destination import Destination
    from textgen.lm.progress.checkpoint import Origin
    from textgen.lm.storage.model import LanguageModel
    from textgen.lm.training.reports import CheckpointReport


class Keeper:
    """Writes what a training leaves; what cannot be written is told once, and tried again the next time."""

    def __init__(self, destination: Destination, origin: Origin, files: list[str], notes: Notes) -> None:
        """files : of the corpus, for the model's history."""
        self._destination, self._origin, self._files, self._notes = destination, origin, files, notes
        self._told: set[str] = set()
        destination.clear()

    def checkpoint(self, report: CheckpointReport) -> dict[str, Any]:
        """Write a checkpoint; returns what the log is to hold of it."""
        began = time.monotonic()
        error = self._tried("checkpoint", lambda: self._destination.save_checkpoint(self._origin, report.snapshot))
        seconds = round(time.monotonic() - began, 6)
        return {"event": "checkpoint", "step": report.step, "write_seconds": seconds, "error": error}

    def best(self, model: LanguageModel) -> None:
        """Write the best model so far."""
        self._tried("model", lambda: self.last(model))

    def last(self, model: LanguageModel) -> None:
        """Write the model at the end of the training. Raises OutputError."""
        history = model.history
        model.history = replace(history, corpus=replace(history.corpus, files=tuple(self._files)))
        self._destination.save(model)

    def _tried(self, what: str, write: Callable[[], None]) -> str | None:
        """What was wrong with writing; None if nothing was."""
        try:
            write()
        except OutputError as error:
            if what not in self._told:
                self._told.add(what)
                self._notes.warn(f"{error}; the training goes on, and it is tried again")
            return str(error)
        self._told.discard(what)
        return None
