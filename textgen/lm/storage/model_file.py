"""The model file: one .safetensors file with weights, configuration, vocabulary and history, and no code.

The format is safetensors (https://huggingface.co/docs/safetensors): a JSON header, then the tensors, all
float32, under the names of the network's parameters. The rest stands in the header's metadata, as strings:

    textgen.format      "2"; a higher number was written by a newer textgen. "1", of version 0.1.0, lacks the settings
                        that came after it, and is read with their defaults
    textgen.version     the version that wrote the file
    textgen.config      JSON {"text": TextConfig, "network": NetworkConfig}
    textgen.vocabulary  JSON, see `Vocabulary.to_json`
    textgen.history     JSON: the course of the training, its options, the corpus' files, SHA-256 and sizes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from textgen import __version__
from textgen.errors import ConfigError, ModelFileError
from textgen.lm.config.text import TextConfig
from textgen.lm.storage.atomic_write import write_atomically
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.safetensors_file import Kind, TensorFile, opened, safetensors_parts
from textgen.lm.storage.strict_json import to_json
from textgen.nn.config import NetworkConfig
from textgen.nn.network import Network
from textgen.nn.parameters import declare
from textgen.text.tokens.vocabulary import Vocabulary

FORMAT = 2
_KIND = Kind("model file", remedy="copy it again, or train anew")
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
_BEFORE: Mapping[type, dict[str, Any]] = {NetworkConfig: {"tie": False}}  # before there was the setting


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
    metadata = {
        "textgen.format": str(FORMAT),
        "textgen.version": __version__,
        "textgen.config": to_json({"text": asdict(model.text), "network": asdict(model.network.config)}),
        "textgen.vocabulary": model.vocabulary.to_json(),
        "textgen.history": to_json(model.history),
    }
    parts = safetensors_parts(parameters.split(parameters.vector), metadata)
    write_atomically(path, parts, overwrite=overwrite)


def load_model(path: Path) -> LanguageModel:
    """The model in the file at `path`, every name, shape, dtype and number of it checked.

    Raises NoSuchModelError if there is no such file, ModelFileError if it is not a sound model file.
    """
    with opened(path, _KIND) as file:
        summary = _summary_of(file)
        _check_shapes(file, summary)
        V = len(summary.vocabulary)
        network = Network(summary.network, V, V)
        parameters = network.parameters
        for name in parameters.names():
            parameters[name][...] = file.array(name)
            if not np.isfinite(parameters[name]).all():
                raise file.damaged(f"the weights '{name}' hold numbers that are not finite")
    network.pack()
    return LanguageModel(network, summary.vocabulary, summary.text, summary.history)


def read_summary(path: Path) -> ModelSummary:
    """What the file at `path` holds, without its weights being read. Raises as `load_model` does."""
    with opened(path, _KIND) as file:
        return _summary_of(file)


def _summary_of(file: TensorFile) -> ModelSummary:
    """The summary of an open file. Raises ModelFileError at anything missing, foreign, newer or damaged."""
    version = file.metadata.get("textgen.version", "unknown")
    number = _check_format(file, version)
    config = file.json_object("textgen.config")
    try:
        text = _config_of(TextConfig, config.get("text"))
        network = _config_of(NetworkConfig, config.get("network"))
        vocabulary = Vocabulary.from_json(file.entry("textgen.vocabulary"))
    except (ConfigError, ModelFileError) as error:
        raise file.damaged(error) from error
    if text.unit == "auto":
        raise file.damaged("the unit of its corpus is not settled")
    if network.tie and network.embedding is None:
        raise file.damaged("the size of its tied embedding is not settled")
    if network.cutoffs and network.cutoffs[-1] >= len(vocabulary):
        raise file.damaged(f"a cluster begins with token {network.cutoffs[-1]} of {len(vocabulary)}")
    if network.softmax == "adaptive" and not network.cutoffs:
        raise file.damaged("its adaptive softmax has no clusters")
    history = file.json_object("textgen.history")
    return ModelSummary(file.path, number, version, text, network, vocabulary, history, file.shapes())


def _check_format(file: TensorFile, version: str) -> int:
    """The format's number. Raises ModelFileError unless this textgen can read it."""
    path, found = file.path, file.metadata.get("textgen.format")
    if found is None:
        raise ModelFileError(f"{path}: a safetensors file, but not a textgen model; `textgen train` makes one")
    if not (found.isascii() and found.isdigit()) or int(found) < 1:
        raise file.damaged(f"its format is {found!r}, not a number from 1 to {FORMAT}")
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
    values = _BEFORE.get(kind, {}) | values
    for field in fields(kind):
        value, types = values.get(field.name, field.default), _TYPES[str(field.type)]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ConfigError(f"its setting '{field.name}' is {value!r}, not of the type {field.type}")
    return kind.from_dict(values)


def _check_shapes(file: TensorFile, summary: ModelSummary) -> None:
    """Raise ModelFileError unless the tensors have exactly the names and shapes that the configuration needs.

    This comes before the network is built: a damaged size must not ask for all the memory there is.
    """
    network, found = summary.network, summary.shapes
    if network.layers + network.head_layers > len(found):
        raise file.damaged(f"{len(found)} weights are too few for {network.layers} layers")
    needed = declare(network, len(summary.vocabulary), len(summary.vocabulary))
    for name, parameter in needed.items():
        if name not in found:
            raise file.damaged(f"the weights '{name}' are missing")
        if found[name] != parameter.shape:
            raise file.damaged(f"the weights '{name}' have the shape {found[name]}, not {parameter.shape}")
    for name in found:
        if name not in needed:
            raise file.damaged(f"it holds unknown weights '{name}'")
