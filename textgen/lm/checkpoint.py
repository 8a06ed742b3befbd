"""The checkpoint file: a training between two steps, to be gone on with as if it had never been interrupted.

A safetensors file (https://huggingface.co/docs/safetensors) beside the model's: the arrays of a `Snapshot`, all
float32, and as metadata, in strings:

    textgen.checkpoint  "1", the format's number; only this one is read
    textgen.version     the version that wrote the file
    textgen.origin      JSON, see `Origin`
    textgen.state       JSON, see `State`
    textgen.history     JSON, the model's history so far

It does not rely on the model file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from textgen import __version__
from textgen.errors import ConfigError, ModelFileError, NoSuchModelError
from textgen.lm.config import NetworkConfig, TextConfig, TrainingConfig
from textgen.lm.files import write_atomically
from textgen.lm.parameters import parameter_shapes
from textgen.lm.state import REASONS, Snapshot, State
from textgen.lm.strict_json import build, is_alike, to_json
from textgen.lm.tensors import safetensors_parts
from textgen.lm.validation import is_entry
from textgen.text.corpus import Corpus

FORMAT = 1


@dataclass(frozen=True)
class Origin:
    """What a training was asked for, settled, and what it learns from.

    corpus_sha256 : of the text. data_sha256 : of its tokens' ids and those held out. valid : the path of the text to
    validate on, if there is one.
    """

    text: TextConfig
    network: NetworkConfig
    training: TrainingConfig
    corpus_sha256: str
    data_sha256: str
    vocabulary_size: int
    valid: str | None

    @classmethod
    def of(
        cls, text: TextConfig, network: NetworkConfig, training: TrainingConfig, corpus: Corpus, valid: Path | None
    ) -> Origin:
        """The origin of a training on `corpus`."""
        path = None if valid is None else str(valid.resolve())
        return cls(text, network, training, corpus.sha256, fingerprint(corpus), len(corpus.vocabulary), path)


def fingerprint(corpus: Corpus) -> str:
    """The SHA-256 of all that a training sees of a corpus."""
    digest = sha256(corpus.vocabulary.to_json().encode())
    for part in (corpus.train, corpus.valid):
        if part is not None:
            digest.update(part.ids.tobytes())
    return digest.hexdigest()


def save_checkpoint(origin: Origin, snapshot: Snapshot, path: Path, *, overwrite: bool) -> None:
    """Write a checkpoint to `path`, whole or not at all. Raises as `write_atomically` does."""
    metadata = {
        "textgen.checkpoint": str(FORMAT),
        "textgen.version": __version__,
        "textgen.origin": to_json(asdict(origin)),
        "textgen.state": to_json(asdict(snapshot.state)),
        "textgen.history": to_json(snapshot.history),
    }
    write_atomically(path, safetensors_parts(snapshot.arrays, metadata), overwrite=overwrite)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file; its arrays are read only when they are wanted. version : of the textgen that wrote it."""

    path: Path
    version: str
    origin: Origin
    state: State
    history: dict[str, Any]

    @property
    def valid_path(self) -> Path | None:
        """The text that the training is validated on; None if it is a part of the corpus, or nothing."""
        return None if self.origin.valid is None else Path(self.origin.valid)

    def course_like(self, pattern: dict[str, Any]) -> dict[str, Any]:
        """The state of the course. Raises ModelFileError unless it has the names of `pattern`, another one's."""
        if not is_alike(self.state.course, pattern):
            raise _damaged(self.path, f"its course is {to_json(self.state.course)}")
        return self.state.course

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Read all arrays into `arrays`.

        Raises ModelFileError unless the file holds just those, of the same shapes, and the best parameters are finite;
        the others need not be, where the last update has led astray, which the next step finds out.
        """
        with _opened(self.path) as file:
            shapes = _shapes(self.path, file)
            for name in sorted(set(shapes) ^ set(arrays)):
                raise _damaged(self.path, f"the array '{name}' is {'unknown' if name in shapes else 'missing'}")
            for name, array in arrays.items():
                if shapes[name] != array.shape:
                    raise _damaged(self.path, f"the array '{name}' has the shape {shapes[name]}, not {array.shape}")
                array[...] = file.get_tensor(name)
                if name.startswith("best/") and not np.isfinite(array).all():
                    raise _damaged(self.path, f"the array '{name}' holds numbers that are not finite")


def read_checkpoint(path: Path) -> Checkpoint:
    """What the file at `path` holds, all but its arrays' numbers being checked.

    Raises NoSuchModelError if there is no such file, ModelFileError if it is not a sound checkpoint.
    """
    with _opened(path) as file:
        metadata = file.metadata() or {}
        version = metadata.get("textgen.version", "unknown")
        _check_format(path, metadata.get("textgen.checkpoint"), version)
        origin = _origin_of(path, _json_object(path, metadata, "textgen.origin"), version)
        history = _json_object(path, metadata, "textgen.history")
        try:
            state = build(State, _json_object(path, metadata, "textgen.state"))
        except ValueError as error:
            raise _damaged(path, str(error)) from error
        _check_parameters(path, origin, _shapes(path, file))
        _check_course_of_events(path, history, state)
    return Checkpoint(path, version, origin, state, history)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An open safetensors file."""
    if not path.is_file():
        raise NoSuchModelError(f"{path}: " + ("a folder, not a checkpoint" if path.is_dir() else "no such checkpoint"))
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise ModelFileError(f"{path}: not a checkpoint, or a truncated one ({reason}); train anew") from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error


def _damaged(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(f"{path}: damaged checkpoint: {reason}; --force trains anew")


def _check_format(path: Path, found: str | None, version: str) -> None:
    """Raise ModelFileError unless a checkpoint of this format was found."""
    if found is None:
        raise ModelFileError(f"{path}: a safetensors file, but not a checkpoint of textgen")
    if found != str(FORMAT):
        raise ModelFileError(
            f"{path}: a checkpoint of format {found}, written by textgen {version}; this is {__version__}, which"
            f" goes on from format {FORMAT} alone: go on with that version, or train anew with --force"
        )


def _origin_of(path: Path, values: dict[str, Any], version: str) -> Origin:
    try:
        return build(Origin, values)
    except (ValueError, ConfigError) as error:
        if version != __version__:
            raise ModelFileError(
                f"{path}: written by textgen {version}, whose options are not those of this one, {__version__}"
                f" ({error}); go on with that version, or train anew with --force"
            ) from error
        raise _damaged(path, str(error)) from error


def _check_parameters(path: Path, origin: Origin, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ModelFileError unless the parameters have the shapes that the network needs.

    This comes before the network is built: a damaged size must not ask for all the memory there is.
    """
    if origin.network.layers + origin.network.head_layers > len(shapes):
        raise _damaged(path, f"{len(shapes)} arrays are too few for {origin.network.layers} layers")
    if origin.network.embedding is None or origin.text.unit == "auto":
        raise _damaged(path, "its configuration is not settled")
    for name, shape in parameter_shapes(origin.network, origin.vocabulary_size).items():
        if shapes.get(f"parameters/{name}") != shape:
            found = shapes.get(f"parameters/{name}", "missing")
            raise _damaged(path, f"the shape of the parameters '{name}' is {found}, not {shape}")


def _check_course_of_events(path: Path, history: Mapping[str, Any], state: State) -> None:
    """Raise ModelFileError unless the history has a report of the best validation."""
    if state.stopped not in (None, *REASONS):
        raise _damaged(path, f"it stopped by '{state.stopped}'")
    validations = history.get("validations")
    if not isinstance(validations, list) or not isinstance(history.get("training"), dict):
        raise _damaged(path, "its history lacks the validations or the options")
    if state.best is not None and not (state.best < len(validations) and is_entry(validations[state.best])):
        raise _damaged(path, f"its history lacks the best validation, number {state.best}")


def _shapes(path: Path, file: Any) -> dict[str, tuple[int, ...]]:
    """The shape of each array by name. Raises ModelFileError unless all are float32."""
    shapes = {}
    for name in file.keys():  # noqa: SIM118  (it is no dictionary)
        tensor = file.get_slice(name)
        if tensor.get_dtype() != "F32":
            raise _damaged(path, f"the array '{name}' is {tensor.get_dtype()}, not F32")
        shapes[name] = tuple(tensor.get_shape())
    return shapes


def _json_object(path: Path, metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    """The JSON object under `key`. Raises ModelFileError if it is missing or is none."""
    try:
        value = json.loads(metadata[key])
    except KeyError as error:
        raise _damaged(path, f"'{key}' is missing") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"'{key}' is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _damaged(path, f"'{key}' is not a JSON object")
    return value
