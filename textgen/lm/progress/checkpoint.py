"""The checkpoint file: a training between two steps, to be gone on with as if it had never been interrupted.

A safetensors file (https://huggingface.co/docs/safetensors) beside the model's: the arrays of a `Snapshot`, all
float32, and as metadata, in strings:

    textgen.checkpoint  "3", the format's number; "2", which lacks the average, and "1", which lacks how sequences
                        start, too, are read
    textgen.version     the version that wrote the file
    textgen.origin      JSON, see `Origin`
    textgen.state       JSON, see `State`
    textgen.history     JSON, the model's `History` so far

It does not rely on the model file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from textgen import __version__
from textgen.checks import build, shortened
from textgen.errors import ConfigError, ModelFileError
from textgen.lm.config.text import TextConfig, with_start
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import TrainingPlan
from textgen.lm.progress.course import Course
from textgen.lm.progress.state import REASONS, Snapshot, State
from textgen.lm.storage.atomic_write import write_atomically
from textgen.lm.storage.history import BaseModel, History
from textgen.lm.storage.safetensors_file import Kind, TensorFile, opened, safetensors_parts
from textgen.lm.storage.strict_json import to_json
from textgen.nn.config import NetworkConfig
from textgen.nn.parameters import declare
from textgen.paths import STDIN, found_again, kept, real
from textgen.text.corpus.corpus import Corpus, VocabularyRule
from textgen.text.tokens.vocabulary import Vocabulary

FORMAT = 3
_UNCOUNTED = 2**53  # no training comes so far; kernels are given the step in 64 bits
_KIND = Kind("checkpoint", remedy="--force trains anew")


@dataclass(frozen=True)
class Origin:
    """What a training was asked for, settled, and what it learns from.

    corpus_sha256 : of the text. data_sha256 : of its tokens' ids and those held out. valid : the path of the text to
    validate on, as `kept` has it, or "-"; None if there is none. base : what it began with, None for drawn parameters.
    vocabulary : of a training that began with a model, which is needed no more; None: it follows from the text.
    """

    text: TextConfig
    network: NetworkConfig
    training: TrainingConfig
    corpus_sha256: str
    data_sha256: str
    vocabulary_size: int
    valid: str | None
    base: BaseModel | None
    vocabulary: Vocabulary | None

    @classmethod
    def of(
        cls,
        text: TextConfig,
        planned: TrainingPlan,
        corpus: Corpus,
        valid: Path | None = None,
        base: BaseModel | None = None,
    ) -> Origin:
        """The origin of a training on `corpus`."""
        return cls(
            text=text,
            network=planned.network,
            training=planned.training,
            corpus_sha256=corpus.sha256,
            data_sha256=fingerprint(corpus),
            vocabulary_size=len(corpus.vocabulary),
            valid=None if valid is None else STDIN if str(valid) == STDIN else kept(real(valid)),
            base=base,
            vocabulary=None if base is None else corpus.vocabulary,
        )


def fingerprint(corpus: Corpus) -> str:
    """The SHA-256 of all that a training sees of a corpus."""
    digest = sha256(corpus.vocabulary.to_json().encode())
    for part in (corpus.train, corpus.valid):
        if part is not None:
            digest.update(np.ascontiguousarray(part.ids).data)
    return digest.hexdigest()


def save_checkpoint(origin: Origin, snapshot: Snapshot, path: Path, *, overwrite: bool) -> None:
    """Write a checkpoint to `path`, whole or not at all. Raises as `write_atomically` does."""
    metadata = {
        "textgen.checkpoint": str(FORMAT),
        "textgen.version": __version__,
        "textgen.origin": to_json(asdict(origin)),
        "textgen.state": to_json(asdict(snapshot.state)),
        "textgen.history": to_json(snapshot.history.as_record()),
    }
    write_atomically(path, safetensors_parts(snapshot.arrays, metadata), overwrite=overwrite)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file; its arrays are read only when they are wanted. version : of the textgen that wrote it."""

    path: Path
    version: str
    origin: Origin
    state: State
    history: History

    @property
    def valid_path(self) -> Path | None:
        """The text that the training is validated on; None if it is a part of the corpus, or nothing."""
        return None if self.origin.valid is None else found_again(self.origin.valid)

    @property
    def rule(self) -> VocabularyRule:
        """How the training's vocabulary is made of its text's counts; what a fine-tuning has of its model is kept."""
        vocabulary = self.origin.vocabulary
        return Vocabulary.from_counts if vocabulary is None else lambda *_: vocabulary

    def restore(self, course: Course) -> None:
        """Let `course` go on from where it was. Raises ModelFileError if it was of another kind."""
        try:
            course.restore(self.state.course)
        except ConfigError as error:
            raise _KIND.damaged(self.path, f"its course: {error}") from error

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Read all arrays into `arrays`.

        Raises ModelFileError unless the file holds just those, of the same shapes, and the best parameters are finite;
        the others need not be, where the last update has led astray, which the next step finds out.
        """
        with opened(self.path, _KIND) as file:
            shapes = file.shapes()
            for name in sorted(set(shapes) ^ set(arrays)):
                raise file.damaged(f"the array '{name}' is {'unknown' if name in shapes else 'missing'}")
            for name, array in arrays.items():
                if shapes[name] != array.shape:
                    raise file.damaged(f"the array '{name}' has the shape {shapes[name]}, not {array.shape}")
                array[...] = file.array(name)
                if name.startswith("best/") and not np.isfinite(array).all():
                    raise file.damaged(f"the array '{name}' holds numbers that are not finite")


def read_checkpoint(path: Path) -> Checkpoint:
    """What the file at `path` holds, all but its arrays' numbers being checked.

    Raises NoSuchModelError if there is no such file, ModelFileError if it is not a sound checkpoint.
    """
    with opened(path, _KIND) as file:
        version = file.metadata.get("textgen.version", "unknown")
        _check_format(file, version)
        origin = _origin_of(file, version)
        state = file.read("textgen.state", lambda record: build(State, record))
        history = file.read("textgen.history", History.from_record)
        _check_parameters(file, origin)
        _check_course_of_events(file, history, state)
    return Checkpoint(path, version, origin, state, history)


def _check_format(file: TensorFile, version: str) -> None:
    """Raise ModelFileError unless a checkpoint of a format was found that can be gone on from."""
    path, found = file.path, file.metadata.get("textgen.checkpoint")
    if found is None:
        raise ModelFileError(f"{path}: a safetensors file, but not a checkpoint of textgen")
    if found not in map(str, range(1, FORMAT + 1)):
        raise ModelFileError(
            f"{path}: a checkpoint of format {found:.20}, written by textgen {version}; this is {__version__},"
            f" which goes on from formats up to {FORMAT}: go on with that version, or train anew with --force"
        )


def _origin_of(file: TensorFile, version: str) -> Origin:
    try:
        return file.read("textgen.origin", lambda record: build(Origin, _completed(record)))
    except ModelFileError as error:
        if version == __version__:
            raise
        raise ModelFileError(
            f"{file.path}: written by textgen {version}, whose options are not those of this one, {__version__}"
            f" ({error.__cause__}); go on with that version, or train anew with --force"
        ) from error


def _completed(record: dict[str, Any]) -> dict[str, Any]:
    """An origin's record with what older ones meant by saying nothing of it."""
    training = record.get("training")
    settled = {"training": {"average": False} | training} if isinstance(training, dict) else {}
    return with_start({"base": None, "vocabulary": None} | record | settled)


def _check_parameters(file: TensorFile, origin: Origin) -> None:
    """Raise ModelFileError unless the parameters have the shapes that the network needs.

    This comes before the network is built: a damaged size must not ask for all the memory there is.
    """
    shapes = file.shapes()
    if origin.network.layers + origin.network.head_layers > len(shapes):
        raise file.damaged(f"{len(shapes)} arrays are too few for {origin.network.layers} layers")
    if origin.network.embedding is None or origin.text.unit == "auto":
        raise file.damaged("its configuration is not settled")
    V = origin.vocabulary_size
    for name, parameter in declare(origin.network, V, V).items():
        found = shapes.get(f"parameters/{name}", "missing")
        if found != parameter.shape:
            raise file.damaged(f"the shape of the parameters '{name}' is {found}, not {parameter.shape}")


def _check_course_of_events(file: TensorFile, history: History, state: State) -> None:
    """Raise ModelFileError unless the history has a report of the best validation."""
    if state.stopped not in (None, *REASONS):
        raise file.damaged(f"it stopped by '{state.stopped}'")
    counts = [value for part in (state, state.spikes) for value in vars(part).values() if type(value) is int]
    if max(counts) >= _UNCOUNTED:
        raise file.damaged(f"it has counted to {shortened(max(counts))}")
    if state.best is not None and not (
        state.best < len(history.validations) and math.isfinite(history.validations[state.best].judged)
    ):
        raise file.damaged(f"its history lacks the best validation, number {state.best}")
