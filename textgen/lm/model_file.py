"""The model file: one .safetensors file with weights, configuration, vocabulary and history, and no code.

The format is safetensors (https://huggingface.co/docs/safetensors): a JSON header, then the tensors, all
float32, under the names of the network's parameters. The rest stands in the header's metadata, as strings:

    textgen.format      "1"; a higher number was written by a newer textgen
    textgen.version     the version that wrote the file
    textgen.config      JSON {"text": TextConfig, "network": NetworkConfig}
    textgen.vocabulary  JSON, see `Vocabulary.to_json`
    textgen.history     JSON: the course of the training, its options, the corpus' files, SHA-256 and sizes
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from textgen import __version__
from textgen.errors import ConfigError, ModelFileError, NoSuchModelError
from textgen.lm.config import NetworkConfig, TextConfig
from textgen.lm.files import write_atomically
from textgen.lm.model import LanguageModel
from textgen.lm.network import Network
from textgen.lm.parameters import parameter_shapes
from textgen.lm.strict_json import to_json
from textgen.text.vocabulary import Vocabulary

FORMAT = 1
_Config = TypeVar("_Config", TextConfig, NetworkConfig)
_TYPES: Mapping[str, tuple[type, ...]] = {  # a field's annotation -> the JSON types that may stand for it
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "float | None": (int, float, type(None)),
    "tuple[int, ...]": (list, tuple),  # a tuple is the default of what is not there
}


@dataclass(frozen=True)
class ModelSummary:
    """Everything that a model file holds, but for the weights themselves."""

    path: Path
    format: int
    version: str  # of the textgen that wrote the file
    text: TextConfig
    network: NetworkConfig
    vocabulary: Vocabulary
    history: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]  # of every tensor, by its name

    @property
    def parameters(self) -> int:
        """The number of trained numbers."""
        return sum(prod(shape) for shape in self.shapes.values())

    @property
    def level(self) -> str:
        """What a token is to a person: 'char' or 'word'."""
        return self.text.level


def save_model(model: LanguageModel, path: Path, *, overwrite: bool = False) -> None:
    """Write `model` to `path`, whole or not at all.

    Raises ModelExistsError if the file is there and `overwrite` is False, OutputError if that fails.
    """
    parameters = model.network.parameters
    tensors = {name: np.ascontiguousarray(parameters[name], dtype="<f4") for name in parameters.names()}
    metadata = {
        "textgen.format": str(FORMAT),
        "textgen.version": __version__,
        "textgen.config": to_json({"text": asdict(model.text), "network": asdict(model.network.config)}),
        "textgen.vocabulary": model.vocabulary.to_json(),
        "textgen.history": to_json(model.history),
    }
    write_atomically(path, [to_safetensors(tensors, metadata)], overwrite=overwrite)


def load_model(path: Path) -> LanguageModel:
    """The model in the file at `path`, every name, shape, dtype and number of it checked.

    Raises NoSuchModelError if there is no such file, ModelFileError if it is not a sound model file.
    """
    with _opened(path) as file:
        summary = _summary_of(path, file)
        _check_shapes(summary)
        network = Network(summary.network, len(summary.vocabulary))
        parameters = network.parameters
        for name in parameters.names():
            tensor = file.get_tensor(name)
            if not np.isfinite(tensor).all():
                raise ModelFileError(
                    f"{path}: the weights '{name}' hold numbers that are not finite; train the model anew"
                )
            parameters[name][...] = tensor
    network.pack()
    return LanguageModel(network, summary.vocabulary, summary.text, summary.history)


def read_summary(path: Path) -> ModelSummary:
    """What the file at `path` holds, without its weights being read. Raises as `load_model` does."""
    with _opened(path) as file:
        return _summary_of(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An open safetensors file whose metadata says that textgen wrote it."""
    if not path.is_file():
        raise NoSuchModelError(f"{path}: " + ("a folder, not a model file" if path.is_dir() else "no such model file"))
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ModelFileError(
            f"{path}: not a model file, or a truncated one ({_reason(error)}); copy it again, or train anew"
        ) from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error


def _reason(error: SafetensorError) -> str:
    return str(error).removeprefix("Error while deserializing header: ")


def _summary_of(path: Path, file: Any) -> ModelSummary:
    """The summary of an open file. Raises ModelFileError at anything missing, foreign, newer or damaged."""
    metadata = file.metadata() or {}
    version = metadata.get("textgen.version", "unknown")
    number = _check_format(path, metadata.get("textgen.format"), version)
    config = _json_object(path, metadata, "textgen.config")
    try:
        text = _config_of(TextConfig, config.get("text"))
        network = _config_of(NetworkConfig, config.get("network"))
        vocabulary = Vocabulary.from_json(_entry(path, metadata, "textgen.vocabulary"))
    except (ConfigError, ModelFileError) as error:
        raise ModelFileError(f"{path}: damaged model file: {error}") from error
    if text.unit == "auto":
        raise ModelFileError(f"{path}: damaged model file: the unit of its corpus is not settled")
    if network.tie and network.embedding is None:
        raise ModelFileError(f"{path}: damaged model file: the size of its tied embedding is not settled")
    if network.cutoffs and network.cutoffs[-1] >= len(vocabulary):
        raise ModelFileError(
            f"{path}: damaged model file: a cluster begins with token {network.cutoffs[-1]} of {len(vocabulary)}"
        )
    if network.softmax == "adaptive" and not network.cutoffs:
        raise ModelFileError(f"{path}: damaged model file: its adaptive softmax has no clusters")
    shapes = {}
    for name in file.keys():  # noqa: SIM118  (it is no dictionary)
        tensor = file.get_slice(name)
        if tensor.get_dtype() != "F32":
            raise ModelFileError(f"{path}: damaged model file: '{name}' is {tensor.get_dtype()}, not F32")
        shapes[name] = tuple(tensor.get_shape())
    history = _json_object(path, metadata, "textgen.history")
    return ModelSummary(path, number, version, text, network, vocabulary, history, shapes)


def _check_format(path: Path, found: str | None, version: str) -> int:
    """The format's number. Raises ModelFileError unless this textgen can read it."""
    if found is None:
        raise ModelFileError(f"{path}: a safetensors file, but not a textgen model; `textgen train` makes one")
    if not (found.isascii() and found.isdigit()) or int(found) < 1:
        raise ModelFileError(f"{path}: damaged model file: its format is {found!r}, not a number from 1 to {FORMAT}")
    if int(found) > FORMAT:
        raise ModelFileError(
            f"{path}: written by a newer textgen (version {version}, format {found}); this is {__version__},"
            f" which reads formats up to {FORMAT}: `pip install --upgrade textgen`"
        )
    return int(found)


def _config_of(kind: type[_Config], values: object) -> _Config:
    """The configuration that `values` hold. Raises ConfigError at a wrong name, type or value."""
    if not isinstance(values, dict):
        raise ConfigError(f"its configuration lacks the part for {kind.__name__}")
    for field in fields(kind):
        value, types = values.get(field.name, field.default), _TYPES[str(field.type)]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ConfigError(f"its setting '{field.name}' is {value!r}, not of the type {field.type}")
    return kind.from_dict(values)


def _check_shapes(summary: ModelSummary) -> None:
    """Raise ModelFileError unless the tensors have exactly the names and shapes that the configuration needs.

    This comes before the network is built: a damaged size must not ask for all the memory there is.
    """
    damaged = f"{summary.path}: damaged model file"
    network, found = summary.network, summary.shapes
    if network.layers + network.head_layers > len(found):
        raise ModelFileError(f"{damaged}: {len(found)} weights are too few for {network.layers} layers")
    needed = parameter_shapes(network, len(summary.vocabulary))
    for name, shape in needed.items():
        if name not in found:
            raise ModelFileError(f"{damaged}: the weights '{name}' are missing")
        if found[name] != shape:
            raise ModelFileError(f"{damaged}: the weights '{name}' have the shape {found[name]}, not {shape}")
    for name in found:
        if name not in needed:
            raise ModelFileError(f"{damaged}: it holds unknown weights '{name}'")


def _entry(path: Path, metadata: Mapping[str, str], key: str) -> str:
    try:
        return metadata[key]
    except KeyError as error:
        raise ModelFileError(f"{path}: damaged model file: '{key}' is missing") from error


def _json_object(path: Path, metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    """The JSON object under `key`. Raises ModelFileError if it is missing or is none."""
    try:
        value = json.loads(_entry(path, metadata, key))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: damaged model file: '{key}' is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelFileError(f"{path}: damaged model file: '{key}' is not a JSON object")
    return value
