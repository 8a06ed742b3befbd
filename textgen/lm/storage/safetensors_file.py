"""The safetensors format, in which models and checkpoints are kept: written, and read with doubt.

Source: https://huggingface.co/docs/safetensors, "Format": the header's size, the header, then the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from textgen.errors import ConfigError, ModelFileError, NoSuchModelError
from textgen.paths import Found, look_at

_ALIGNMENT = 8  # bytes, of the header
_TYPES = {
    "float32": ("F32", "<f4"),
    "float16": ("F16", "<f2"),
    "uint8": ("U8", "u1"),
}  # in the header, and as bytes
_Found = TypeVar("_Found")


def safetensors_parts(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """The contents of a file that holds `arrays` under their names, and `metadata`, piece by piece.

    arrays : float32, or all float16, or bytes.
    So a large file needs no second copy in memory.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _TYPES[array.dtype.name][0], "shape": array.shape, "data_offsets": (begin, end)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    yield len(text).to_bytes(8, "little")
    yield text
    for array in arrays.values():
        yield np.ascontiguousarray(array, dtype=_TYPES[array.dtype.name][1]).reshape(-1).data


@dataclass(frozen=True)
class Kind:
    """A kind of file. name : what it is called. remedy : what to do about one that is not sound.

    types : what its arrays may be; those of one file are all of one type.
    """

    name: str
    remedy: str
    types: tuple[str, ...] = ("F32",)

    def damaged(self, path: Path, reason: object) -> ModelFileError:
        """The error that says what is wrong with the file at `path`, and what to do."""
        return ModelFileError(f"{path}: damaged {self.name}: {reason}; {self.remedy}")


class TensorFile:
    """An open file of a kind; all that it is asked for is checked. metadata : of its header, strings."""

    def __init__(self, path: Path, kind: Kind, file: Any) -> None:
        self.path, self._kind, self._file = path, kind, file
        self.metadata: dict[str, str] = file.metadata() or {}

    def damaged(self, reason: object) -> ModelFileError:
        """The error that says what is wrong with it; see `Kind.damaged`."""
        return self._kind.damaged(self.path, reason)

    def entry(self, key: str) -> str:
        """What stands under `key` in the metadata. Raises ModelFileError if nothing does."""
        if key not in self.metadata:
            raise self.damaged(f"'{key}' is missing")
        return self.metadata[key]

    def read(self, key: str, build: Callable[[dict[str, Any]], _Found]) -> _Found:
        """What `build` makes of the JSON object that stands under `key`.

        Raises ModelFileError if it is missing, is none, or `build` raises that it cannot be.
        """
        try:
            value = json.loads(self.entry(key))
        except (ValueError, RecursionError) as error:
            raise self.damaged(f"'{key}' is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise self.damaged(f"'{key}' is not a JSON object")
        try:
            return build(value)
        except (ConfigError, ModelFileError) as error:
            raise self.damaged(f"'{key}': {error}") from error

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array by name. Raises ModelFileError unless all have one type that the kind allows."""
        shapes, allowed = {}, self._kind.types
        for name in self._file.keys():  # noqa: SIM118  (it is no dictionary)
            tensor = self._file.get_slice(name)
            found = tensor.get_dtype()
            if found not in allowed:
                raise self.damaged(f"the array '{name}' is {found}, not {' or '.join(allowed)}")
            allowed = (found,)
            shapes[name] = tuple(tensor.get_shape())
        return shapes

    def bits(self) -> int:
        """Of how many bits the arrays' numbers are: 16 or 32."""
        types = {self._file.get_slice(name).get_dtype() for name in self._file.keys()}  # noqa: SIM118
        return 16 if "F16" in types else 32

    def array(self, name: str) -> np.ndarray:
        """The array of that name, read now, of the type that it has in the file."""
        found: np.ndarray = self._file.get_tensor(name)
        return found


@contextmanager
def opened(path: Path, kind: Kind) -> Iterator[TensorFile]:
    """The open file at `path`.

    Raises NoSuchModelError if there is none, ModelFileError if it is no safetensors file, or a truncated one.
    """
    found = look_at(path, kind.name)
    if found.kind is not Found.FILE:
        raise NoSuchModelError(f"{path}: {found.problem or f'a pipe or a device, not a {kind.name}'}")
    try:
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(path, kind, file)
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise ModelFileError(f"{path}: not a {kind.name}, or a truncated one ({reason}); {kind.remedy}") from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error
