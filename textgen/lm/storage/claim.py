"""Where a new model goes: a place that is free, and ours alone while its training runs."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from textgen.errors import ModelBusyError, ModelExistsError
from textgen.lm.storage.atomic_write import check_writable, exists_error, hidden_stem, output_error
from textgen.lm.storage.store import asked_path, checkpoint_path, derived_path, numbered
from textgen.paths import Found, look_at, real

_PATIENCE = 0.2  # seconds, in which a training that has just ended removes its lock
_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}  # what such file systems answer


class Claim:
    """The sole right to write a model and its checkpoint, until it is released or the process ends, however it ends.

    It is a lock on a hidden file beside the checkpoint, which holds the process's id. A few systems and file systems
    have no locks that die with their process; there everybody has the right.
    path : of the model's file.
    """

    def __init__(self, path: Path) -> None:
        """Raises ModelBusyError, with its id, if another process has it; OutputError if no file can be made there."""
        from filelock import FileLock, SoftFileLock, Timeout  # takes a while, and no other command needs it

        self.path = path
        checkpoint = checkpoint_path(real(path))  # one for all the links that lead to a model
        self._file = checkpoint.with_name(f"{hidden_stem(checkpoint)}lock")
        if issubclass(FileLock, SoftFileLock):  # what filelock has where the system has nothing better
            self._lock = None
            return
        self._lock = FileLock(self._file, timeout=_PATIENCE, fallback_to_soft=False, on_acquired=_write_process)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise ModelBusyError(
                f"{path}: another training is writing it{self._owner()}; wait for its end, or choose another name"
            ) from error
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise output_error(path, error) from error

    def release(self) -> None:
        """Give it up, and remove its file.

        That comes first, while it is still ours. Whoever has opened the file meanwhile finds that it has no name any
        more, and makes a new one. Windows removes it afterwards.
        """
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            self._file.unlink()
        self._lock.release()

    def _owner(self) -> str:
        try:
            return f" (process {int(self._file.read_text())})"
        except (OSError, ValueError):  # it has not been written yet, or may not be read
            return ""


def claim_output(name: str | None, output: Path | None, corpus: Path, level: str, *, force: bool) -> Claim:
    """The place for a new model: `output`, or `name` in the store, or a free name made from the text's and the level.

    The store's folder is made. Raises ConfigError if both are given or the name is not allowed; ModelExistsError if the
    model or a checkpoint is there and `force` is False; ModelBusyError; OutputError if it cannot be written.
    """
    path = asked_path(name, output)
    derived = derived_path(corpus, level)
    if output is None:
        try:
            derived.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(path or derived, error) from error
    if path is None and not force:
        claim = claim_free(derived)
        with _released_on_error(claim):
            check_writable(claim.path)
        return claim
    return _claim_asked(path or derived, force=force)


def _claim_asked(path: Path, *, force: bool) -> Claim:
    if not force and look_at(path).kind is Found.LOST_LINK:
        raise exists_error(path)  # there may be no folder where it leads
    check_writable(path)
    check_writable(checkpoint_path(path))
    claim = Claim(path)
    with _released_on_error(claim):
        if not force:
            _check_free(path)
    return claim


def claim_free(path: Path) -> Claim:
    """The first of `path`, NAME-2, NAME-3, ... that nobody has: there is no such model, no checkpoint, no training."""
    for one in numbered(path):
        with contextlib.suppress(ModelExistsError, ModelBusyError):
            _check_free(one)
            claim = Claim(one)
            with _released_on_error(claim):
                _check_free(one)  # once more: a training may just have ended
            return claim
    raise AssertionError("the numbers never end")


@contextlib.contextmanager
def _released_on_error(claim: Claim) -> Iterator[None]:
    try:
        yield
    except BaseException:
        claim.release()
        raise


def _check_free(path: Path) -> None:
    """Raise ModelExistsError if there is a model at `path`, or the checkpoint of one."""
    checkpoint = checkpoint_path(path)
    is_begun = look_at(checkpoint).is_taken
    if look_at(path).is_taken:
        raise exists_error(path, "or --resume to go on with its training" if is_begun else "")
    if is_begun:
        raise ModelExistsError(
            f"{checkpoint} is the checkpoint of a training that was begun under this name;"
            " --resume goes on with it, --force begins anew"
        )


def _write_process(descriptor: int) -> None:
    """Leave our process's id in the file, for the message of whoever comes second."""
    with contextlib.suppress(OSError):  # a full disk
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
