"""The index file: which runs of tokens stand in the text that a model learnt. It lies beside the model, as NAME.index.

The whole text can be read out of it. So it is a file of its own: a model can be given away without its text.

A safetensors file (https://huggingface.co/docs/safetensors) with one array of bytes, `transform`: the numbers of a
`RunIndex`, little-endian, compressed by zlib, whose checksum finds any damage. As metadata, in strings:

    textgen.index    "1", the format's number; a higher one was written by a newer textgen
    textgen.version  the version that wrote the file
    textgen.text     SHA-256 of all that says which text in which ids it is, see `_text_of`
"""

from __future__ import annotations

import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np

from textgen import __version__
from textgen.errors import ModelExistsError, ModelFileError, NoSuchModelError
from textgen.lm.storage.atomic_write import write_atomically
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.safetensors_file import Kind, TensorFile, opened, safetensors_parts
from textgen.paths import look_at
from textgen.text.tokens.run_index import RunIndex

FORMAT = 1
_KIND = Kind("text index", remedy="training the model again makes it anew", types=("U8",))
_ARRAY = "transform"
_FAST = 1  # of zlib's levels: the higher ones make hardly less of it


def save_index(index: RunIndex, model: LanguageModel, path: Path) -> None:
    """Write the index of the text that `model` learnt to `path`, whole or not at all; another index there is replaced.

    Raises ModelExistsError if something else is there, OutputError if it cannot be written.
    """
    if look_at(path).is_taken and not is_index(path):
        raise ModelExistsError(f"{path} exists already, and is no index of a text; move it, or choose another name")
    numbers = np.ascontiguousarray(index.transform, index.transform.dtype.newbyteorder("<"))
    compressed = np.frombuffer(zlib.compress(numbers.data, _FAST), np.uint8)
    metadata = {"textgen.index": str(FORMAT), "textgen.version": __version__, "textgen.text": _text_of(model)}
    write_atomically(path, safetensors_parts({_ARRAY: compressed}, metadata), overwrite=True)


def load_index(path: Path, model: LanguageModel) -> RunIndex:
    """The index in the file at `path`, of the text that `model` learnt.

    Raises NoSuchModelError if there is no such file, ModelFileError if it is not a sound index of that text.
    """
    try:
        with opened(path, _KIND) as file:
            _check_format(file)
            if file.entry("textgen.text") != _text_of(model):
                raise ModelFileError(f"{path}: the index of another text than the model learnt; {_KIND.remedy}")
            return RunIndex(_read_transform(file, model))
    except NoSuchModelError as error:
        raise NoSuchModelError(
            f"{error}; --no-index leaves none, nor did older versions, and a model that was moved needs it beside it"
        ) from error


def is_index(path: Path) -> bool:
    """Whether the file at `path` is an index, of whatever text and version."""
    try:
        with opened(path, _KIND) as file:
            return "textgen.index" in file.metadata
    except (NoSuchModelError, ModelFileError):
        return False


def _text_of(model: LanguageModel) -> str:
    """A digest of the text that `model` learnt: of its SHA-256, of its part that was not held out, of the ids' meaning.

    It says nothing of the network: a model that is trained again on the same text has the same.
    """
    learnt = model.history.corpus
    digest = sha256(model.vocabulary.to_json().encode())
    digest.update(f"{learnt.sha256} {learnt.train_tokens}".encode())
    return digest.hexdigest()


def _check_format(file: TensorFile) -> None:
    """Raise ModelFileError unless this textgen can read it."""
    path, found = file.path, file.metadata.get("textgen.index")
    if found is None:
        raise ModelFileError(f"{path}: a safetensors file, but not an index of a text")
    if found != str(FORMAT):
        version = file.metadata.get("textgen.version", "unknown")
        raise ModelFileError(
            f"{path}: an index of format {found:.20}, written by textgen {version}; this is {__version__}, which reads"
            f" format {FORMAT} alone: `pip install --upgrade textgen`, or train the model again"
        )


def _read_transform(file: TensorFile, model: LanguageModel) -> np.ndarray:
    """The numbers, decompressed; no more memory is asked for than the text that `model` learnt needs."""
    if file.shapes().keys() != {_ARRAY}:
        raise file.damaged(f"it must hold the array '{_ARRAY}' alone")
    dtype = model.vocabulary.dtype
    size = model.history.corpus.train_tokens * dtype.itemsize
    decompression = zlib.decompressobj()
    try:
        numbers = decompression.decompress(file.array(_ARRAY).tobytes(), size + 1)
    except (zlib.error, OverflowError) as error:  # the latter: so many tokens are no size
        raise file.damaged(f"the array '{_ARRAY}' cannot be decompressed ({error})") from error
    if len(numbers) != size or not decompression.eof:
        raise file.damaged(f"the array '{_ARRAY}' does not hold {model.history.corpus.train_tokens:,} tokens")
    transform = np.frombuffer(numbers, dtype.newbyteorder("<")).astype(dtype, copy=False)
    if transform.max(initial=0) >= len(model.vocabulary):
        raise file.damaged(f"token {transform.max()} of {len(model.vocabulary)}")
    return transform
