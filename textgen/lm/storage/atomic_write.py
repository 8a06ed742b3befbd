"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from textgen.errors import ModelExistsError, OutputError
from textgen.paths import Found, look_at, real


def write_atomically(path: Path, parts: Iterable[bytes | memoryview], *, overwrite: bool) -> None:
    """Put `parts`, one after the other, into the file at `path`; whoever looks sees the old file, or none, or the new.

    It is written to a temporary file in the same folder, flushed to the disk, and moved into place. Without
    `overwrite` the move cannot replace a file, not even one that another process makes at the same moment. With it a
    link stays, and what it leads to is replaced.
    Raises ModelExistsError if a file would be replaced unasked, OutputError (path, reason) if the system refuses;
    nothing is left.
    """
    target = real(path) if overwrite else path
    temporary = _temporary(target)
    try:
        try:
            _write_flushed(temporary, parts)
            if overwrite:
                temporary.replace(target)
            else:
                move_new(temporary, target)
            _flush_folder(target.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    except FileExistsError as error:
        raise exists_error(path) from error
    except OSError as error:
        raise output_error(path, error) from error


def move_new(source: Path, path: Path) -> None:
    """Move the file `source` to `path`. Raises FileExistsError if that is taken, OSError if the system refuses."""
    try:
        path.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems (FAT, some network folders) have no links: take the name first, then move over it.
        path.open("xb").close()
        try:
            source.replace(path)
        except OSError:
            path.unlink()
            raise
    else:
        source.unlink()


def remove_leftovers(path: Path) -> None:
    """Remove what processes left that were killed while they wrote the file at `path`.

    Is one just writing it, its attempt fails.
    """
    target = real(path)
    for leftover in target.parent.glob(f"{hidden_stem(target)}*.tmp"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def check_writable(path: Path) -> None:
    """Raise OutputError unless the file at `path` can be written; nothing is left behind.

    A real file is made beside it and removed: permissions alone do not tell (read-only mounts, network folders, root).
    """
    found = look_at(path)
    if found.kind is Found.FOLDER:
        raise OutputError(f"{path}: cannot be written: it is a folder; give a file's name")
    if found.kind is Found.REFUSED:
        raise OutputError(f"{path}: cannot be written: {found.problem}")
    probe = _temporary(real(path))
    try:
        _write_flushed(probe, [])
        probe.unlink()
    except OSError as error:
        raise output_error(path, error) from error


def exists_error(path: Path, alternative: str = "") -> ModelExistsError:
    """The error that says that `path` is taken, and what to do; alternative : what can be done besides."""
    if look_at(path).kind is Found.LOST_LINK:
        found = f"{path} is a link to {real(path)}, which is not there"
        ways = ["choose another name", "or give --force to write the file that it leads to"]
    else:
        found, ways = f"{path} exists already", ["choose another name", "or give --force to replace it"]
    return ModelExistsError(f"{found}; {', '.join([*ways, *([alternative] if alternative else [])])}")


def output_error(path: Path, error: OSError) -> OutputError:
    """The error that says that `path` could not be written, and why."""
    link = f", a link to {real(path)}" if os.path.islink(path) else ""  # noqa: PTH114  (it is never refused)
    return OutputError(f"{path}{link}: cannot be written: {error.strerror or error}")


def hidden_stem(path: Path) -> str:
    """How the names of our own files beside `path` begin; always as long, since a file's name may be the longest."""
    return f".textgen-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}-"


def _temporary(path: Path) -> Path:
    """A new name beside `path`."""
    return path.with_name(f"{hidden_stem(path)}{secrets.token_hex(8)}.tmp")


def _write_flushed(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Make the new file `path` and bring its content to the disk. Raises OSError."""
    with path.open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Bring the new name to the disk, where the system can (Windows opens no folders)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
