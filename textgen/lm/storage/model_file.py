"""The model file: one .safetensors file with weights, configuration, vocabulary and history, and no code.

The format is safetensors (https://huggingface.co/docs/safetensors): a JSON header, then the tensors, all float32,
under the names of the network's parameters. In a file that `halve_model` wrote they are all float16, the nearest to
what was trained. The rest stands in the header's metadata, as strings:

    textgen.format      "3"; a higher number was written by a newer textgen. Files of a lower one lack the settings that
                        came after it, and mean what was done before there was the choice
    textgen.version     the version that wrote the file
    textgen.config      JSON {"text": TextConfig, "network": NetworkConfig}
    textgen.vocabulary  JSON, see `Vocabulary`
    textgen.history     JSON, see `History`
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import numpy as np

from textgen import __version__
from textgen.checks import build, shortened
from textgen.errors import ConfigError, ModelFileError
from textgen.lm.config.text import TextConfig, with_start
from textgen.lm.storage.atomic_write import write_atomically
from textgen.lm.storage.history import History
from textgen.lm.storage.model import LanguageModel, digest_of
from textgen.lm.storage.safetensors_file import Kind, TensorFile, opened, safetensors_parts
from textgen.lm.storage.strict_json import to_json
from textgen.nn.config import NetworkConfig
from textgen.nn.network import Network
from textgen.nn.parameters import declare
from textgen.text.tokens.vocabulary import Vocabulary

FORMAT = 3
_KIND = Kind("model file", remedy="copy it again, or train anew", types=("F32", "F16"))
_MOST_IN_16_BITS = 65_504
_BEFORE = {"tie": False}  # of a network, before there was the setting


@dataclass(frozen=True)
class _Settings:
    """What stands under `textgen.config`."""

    text: TextConfig
    network: NetworkConfig

    @classmethod
    def from_record(cls, record: dict[str, object]) -> _Settings:
        """The settings of a file of any format. Raises ConfigError."""
        network = record.get("network")
        if isinstance(network, dict):
            record = {**record, "network": _BEFORE | network}
        return build(cls, with_start(record), lacking=True)


@dataclass(frozen=True)
class ModelSummary:
    """Everything that a model file holds, but for the weights themselves."""

    path: Path
    format: int
    version: str  # of the textgen that wrote the file
    text: TextConfig
    network: NetworkConfig
    vocabulary: Vocabulary
    history: History
    shapes: dict[str, tuple[int, ...]]  # of every tensor, by its name
    bits: int  # of each parameter: 32, or 16 where they were rounded
    size: int  # bytes of the file

    @property
    def parameters(self) -> int:
        """The number of trained numbers."""
        return sum(prod(shape) for shape in self.shapes.values())

    @property
    def level(self) -> str:
        """What a token is to a person: 'char' or 'word'."""
        return self.text.level


@dataclass(frozen=True)
class Rounding:
    """What rounding to 16 bits did. parameters : how many there are. most : by how much one of them has changed.

    lost : how many have become zero.
    """

    parameters: int
    most: float
    lost: int


def save_model(model: LanguageModel, path: Path, *, overwrite: bool = False) -> None:
    """Write `model` to `path`, whole or not at all.

    Raises ModelExistsError if the file is there and `overwrite` is False, OutputError if that fails.
    """
    parameters = model.network.parameters
    _write(model, parameters.split(parameters.vector), path, overwrite=overwrite)


def halve_model(model: LanguageModel, path: Path, *, overwrite: bool = False) -> Rounding:
    """Write `model` to `path` as `save_model` does, but with each parameter rounded to 16 bits; what that changed.

    Raises ConfigError, too, if a parameter is larger than 16 bits can hold.
    """
    parameters = model.network.parameters
    exact, rounded = parameters.split(parameters.vector), {}
    for name, array in exact.items():
        if np.abs(array).max() > _MOST_IN_16_BITS:
            raise ConfigError(
                f"the weights '{name}' hold numbers above {_MOST_IN_16_BITS:,}, more than 16 bits can hold"
            )
        rounded[name] = array.astype(np.float16)
    _write(model, rounded, path, overwrite=overwrite)
    changes = [np.abs(rounded[name].astype(np.float32) - array).max() for name, array in exact.items()]
    lost = [np.count_nonzero((rounded[name] == 0) & (array != 0)) for name, array in exact.items()]
    return Rounding(sum(array.size for array in exact.values()), float(max(changes)), int(sum(lost)))


def _write(model: LanguageModel, arrays: dict[str, np.ndarray], path: Path, *, overwrite: bool) -> None:
    """Write a model's file with `arrays` as its parameters; see `save_model`."""
    metadata = {
        "textgen.format": str(FORMAT),
        "textgen.version": __version__,
        "textgen.config": to_json({"text": asdict(model.text), "network": asdict(model.network.config)}),
        "textgen.vocabulary": model.vocabulary.to_json(),
        "textgen.history": to_json(model.history.as_record()),
    }
    write_atomically(path, safetensors_parts(arrays, metadata), overwrite=overwrite)


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


def read_digest(path: Path) -> str:
    """The digest of the parameters alone, see `digest_of`. Raises as `load_model` does."""
    with opened(path, _KIND) as file:
        return digest_of((name, file.array(name)) for name in _check_shapes(file, _summary_of(file)))


def read_summary(path: Path) -> ModelSummary:
    """What the file at `path` holds, without its weights being read. Raises as `load_model` does."""
    with opened(path, _KIND) as file:
        return _summary_of(file)


def _summary_of(file: TensorFile) -> ModelSummary:
    """The summary of an open file. Raises ModelFileError at anything missing, foreign, newer or damaged."""
    version = file.metadata.get("textgen.version", "unknown")
    number = _check_format(file, version)
    settings = file.read("textgen.config", _Settings.from_record)
    text, network = settings.text, settings.network
    vocabulary = file.read("textgen.vocabulary", lambda record: build(Vocabulary, record))
    history = file.read("textgen.history", History.from_record)
    if text.unit == "auto":
        raise file.damaged("the unit of its corpus is not settled")
    if network.tie and network.embedding is None:
        raise file.damaged("the size of its tied embedding is not settled")
    if network.cutoffs and network.cutoffs[-1] >= len(vocabulary):
        raise file.damaged(f"a cluster begins with token {network.cutoffs[-1]} of {len(vocabulary)}")
    if network.softmax == "adaptive" and not network.cutoffs:
        raise file.damaged("its adaptive softmax has no clusters")
    shapes, bits, size = file.shapes(), file.bits(), file.path.stat().st_size
    return ModelSummary(file.path, number, version, text, network, vocabulary, history, shapes, bits, size)


def _check_format(file: TensorFile, version: str) -> int:
    """The format's number. Raises ModelFileError unless this textgen can read it."""
    path, found = file.path, file.metadata.get("textgen.format")
    if found is None:
        raise ModelFileError(f"{path}: a safetensors file, but not a textgen model; `textgen train` makes one")
    if not re.fullmatch("[1-9][0-9]{0,8}", found):
        raise file.damaged(f"its format is {shortened(found)}, not a number from 1 to {FORMAT}")
    if int(found) > FORMAT:
        raise ModelFileError(
            f"{path}: written by a newer textgen (version {version}, format {found}); this is {__version__},"
            f" which reads formats up to {FORMAT}: `pip install --upgrade textgen`"
        )
    return int(found)


def _check_shapes(file: TensorFile, summary: ModelSummary) -> Iterable[str]:
    """The tensors' names. Raises ModelFileError unless they and the shapes are exactly what the configuration needs.

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
    return needed
