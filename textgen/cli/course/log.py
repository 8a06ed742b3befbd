"""The log of a training: JSON Lines, a record a report, each in the file as soon as it is told."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from textgen.cli.terminal.output import Notes
from textgen.errors import ConfigError
from textgen.lm.storage.atomic_write import output_error
from textgen.lm.storage.strict_json import to_json
from textgen.lm.training.reports import Finished, RecoveryReport, StepReport, ValidationReport
from textgen.paths import STDIN, real

Record = Callable[[Mapping[str, Any]], None]


@contextmanager
def open_log(path: Path | None, notes: Notes, taken: Iterable[Path] = ()) -> Iterator[Record]:
    """A function that appends one record to the file at `path`; without a path, it does nothing.

    A training is worth more than its log: once the first record is written, one that cannot be (a full disk) is lost,
    and a note says so. taken : files that are something else: the texts, the model, its checkpoint. Raises ConfigError
    if `path` is one of them or standard output, OutputError if the file cannot be opened or the first record not be
    written.
    """
    if path is None:
        yield lambda record: None
        return
    if str(path) == STDIN:
        raise ConfigError("--log needs a file; standard output carries the sequences, with --json the results")
    if real(path) in map(real, taken):
        raise ConfigError(f"--log cannot be {path}: the training reads or writes that file already; give another")
    try:
        file = io.FileIO(path, "a")  # no buffer, in which a record that did not fit would wait to fail again
    except OSError as error:
        raise output_error(path, error) from error
    with file:
        yield _Log(path, file, notes).write


class _Log:
    """The open file."""

    def __init__(self, path: Path, file: io.FileIO, notes: Notes) -> None:
        self._path, self._file, self._notes = path, file, notes
        self._is_begun = self._has_gaps = False
        self._may_be_torn = True  # by a process that was killed while it wrote, or by a disk that was full

    def write(self, record: Mapping[str, Any]) -> None:
        """Append the record in one piece, so that two trainings may share a log; a line without an end gets it first.

        Raises OutputError if it is the first and cannot be written.
        """
        line = to_json(record).encode() + b"\n"
        try:
            if self._may_be_torn and _is_torn(self._path):
                line = b"\n" + line
            if (self._file.write(line) or 0) < len(line):  # None: a pipe that does not wait, and is full
                raise OSError("the disk took only a part of a record")
        except OSError as error:
            self._lose(error)
        else:
            self._is_begun, self._may_be_torn = True, False

    def _lose(self, error: OSError) -> None:
        """Say that there are gaps, once."""
        failure = output_error(self._path, error)
        if not self._is_begun:
            raise failure from error
        if not self._has_gaps:
            self._notes.say("log", f"{failure}; the training goes on, its log will have gaps")
        self._has_gaps = self._may_be_torn = True


def _is_torn(path: Path) -> bool:
    """Whether the last line of the file has no end. Raises OSError."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read(1) != b"\n"


def as_record(report: StepReport | ValidationReport | RecoveryReport | Finished) -> dict[str, Any]:
    """A report as JSON: all of it but the model."""
    record = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "model"}
    if isinstance(report, Finished) and report.best is not None:
        record["best"] = as_record(report.best)
    return record
