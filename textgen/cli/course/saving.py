"""Keeping a training on the disk while it runs: its best model, its checkpoint; at its end the index of its text.

A full disk ends none.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textgen.cli.terminal.number_formats import format_bytes
from textgen.core.runtime.limits import available_memory
from textgen.errors import ModelExistsError, OutputError
from textgen.lm.storage.index_file import is_index, save_index
from textgen.text.tokens.run_index import RunIndex, memory_to_build

if TYPE_CHECKING:
    from textgen.cli.request.destination import Destination
    from textgen.cli.terminal.output import Notes
    from textgen.lm.progress.checkpoint import Origin
    from textgen.lm.storage.model import LanguageModel
    from textgen.lm.training.reports import CheckpointReport
    from textgen.text.corpus.corpus import Corpus


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

    def index(self, model: LanguageModel, corpus: Corpus, *, wanted: bool) -> RunIndex | None:
        """Make the index of the text that `model` learnt, and write it; None if it is not wanted, or too large.

        What is not wanted is removed, where there is one: of a model that was replaced.
        """
        path, notes = self._destination.index, self._notes
        if not wanted:
            if is_index(path):
                with contextlib.suppress(OSError):
                    path.unlink()
            return None
        needed, memory = memory_to_build(corpus.train.ids), available_memory()
        if memory is not None and needed > memory // 2:  # the rest holds the text and the model
            notes.say("index", f"left out: it would need about {format_bytes(needed)} of memory")
            return None
        index = RunIndex.of(corpus.train.ids)
        try:
            save_index(index, model, path)
        except (OutputError, ModelExistsError) as error:
            notes.warn(f"{error}; the model is saved, but without it copies cannot be found in what is written")
        else:
            notes.say("index", f"{path} (finds copies, holds the text; --no-index makes none)")
        return index

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
