"""Files as a stream of text: UTF-8 without its BOM, LF line ends, no NUL; decompressed by their suffix."""

from __future__ import annotations

import codecs
import hashlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from textgen.errors import CorpusError, DecodingError, NoSuchInputError
from textgen.paths import STDIN, Found, display_name, look_at

CHUNK = 1 << 20  # bytes

_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
_OTHER_BOMS = {  # UTF-32 first: its little-endian mark begins with UTF-16's
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Digest(Protocol):
    """What `hashlib` gives: something to be fed with bytes."""

    def update(self, data: bytes, /) -> None:
        """Take in `data`."""
        ...


def check_inputs(paths: Iterable[str | Path]) -> None:
    """Raise NoSuchInputError unless each of `paths` is there and is no folder; "-" is standard input."""
    for path in map(Path, paths):
        if str(path) == STDIN:
            continue
        found = look_at(path)
        if found.kind is Found.FOLDER:
            raise NoSuchInputError(f"{path} is a folder; name the files in it, for instance {path / '*.txt'}")
        if found.problem:
            raise NoSuchInputError(f"{path}: {found.problem}")


def read_text(path: str | Path, digest: Digest | None = None, chunk: int = CHUNK) -> Iterator[str]:
    """The text of a file in pieces of about `chunk` bytes, decoded, with CRLF and CR made LF.

    digest : fed with the file's bytes (decompressed), if given.
    Raises NoSuchInputError where there is no such file, CorpusError where it cannot be read or decompressed,
    DecodingError where it is not UTF-8 text.
    """
    check_inputs([path])
    name = display_name(path)
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    for text in _decode(_read_bytes(Path(path), digest, chunk), name):
        yield newlines.decode(text)
    yield newlines.decode("", final=True)


def hash_files(paths: Sequence[str | Path]) -> str:
    """The SHA-256 of the bytes of all files, decompressed, one after the other. Raises as `read_text` does."""
    check_inputs(paths)
    digest = hashlib.sha256()
    for path in paths:
        for _ in _read_bytes(Path(path), digest, CHUNK):
            pass
    return digest.hexdigest()


def _read_bytes(path: Path, digest: Digest | None, chunk: int) -> Iterator[bytes]:
    size = max(chunk, len(codecs.BOM_UTF32))  # the BOM is looked for in the first piece alone
    try:
        with _open(path) as file:
            while data := file.read(size):
                if digest is not None:
                    digest.update(data)
                yield data
                if len(data) < size and str(path) == STDIN:
                    return  # at a terminal, to read on would ask for a second end of file
                size = chunk
    except CorpusError:
        raise
    except PermissionError as error:
        raise CorpusError(f"{display_name(path)}: you have no permission to read it") from error
    except Exception as error:
        if path.suffix.lower() in _COMPRESSED:  # each format has an error of its own for damaged data
            raise CorpusError(f"{path} cannot be decompressed; is it damaged or cut short? ({error})") from error
        if isinstance(error, OSError):
            raise CorpusError(f"{display_name(path)} cannot be read ({error})") from error
        raise


def _open(path: Path) -> AbstractContextManager[BinaryIO]:
    if str(path) == STDIN:
        if sys.stdin is None:
            raise CorpusError("standard input is closed; name a file, or open it")
        return nullcontext(sys.stdin.buffer)
    module: Any = import_module(_COMPRESSED.get(path.suffix.lower(), "io"))
    opened: AbstractContextManager[BinaryIO] = module.open(path, "rb")
    return opened


def _decode(chunks: Iterator[bytes], name: str) -> Iterator[str]:
    """The chunks decoded, without a BOM; offsets in messages count the bytes of the file from 0."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    offset = 0  # of the first byte that the decoder has not been given yet
    for number, data in enumerate(chunks):
        text_bytes = data if number else _without_bom(data, name)
        offset += len(data) - len(text_bytes)
        nul = text_bytes.find(0)
        if nul >= 0:
            raise DecodingError(f"{name}: a NUL byte at offset {offset + nul}; this is a binary file, or no UTF-8 text")
        yield _decode_chunk(decoder, text_bytes, offset, name)
        offset += len(text_bytes)
    yield _decode_chunk(decoder, b"", offset, name)


def _decode_chunk(decoder: codecs.IncrementalDecoder, data: bytes, offset: int, name: str) -> str:
    """The text of `data`, which stands at `offset` in the file; empty `data` is the end of the file."""
    held = len(decoder.getstate()[0])
    try:
        return decoder.decode(data, final=not data)
    except UnicodeDecodeError as error:
        at = offset - held + error.start
        raise DecodingError(
            f"{name} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at offset {at} "
            f"({error.reason}); convert it first, for instance from Latin-1: iconv -f latin1 -t utf-8"
        ) from error


def _without_bom(data: bytes, name: str) -> bytes:
    for mark, encoding in _OTHER_BOMS.items():
        if data.startswith(mark):
            raise DecodingError(
                f"{name} is {encoding} text (its first bytes are {mark.hex(' ')}), not UTF-8; "
                f"convert it first: iconv -f {encoding.lower()} -t utf-8"
            )
    return data.removeprefix(codecs.BOM_UTF8)
