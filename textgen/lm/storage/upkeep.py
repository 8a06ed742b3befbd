"""Upkeep of the store: models renamed and removed, each with all the files that belong to it.

Nothing is done to a model that a training is writing, nor to those that came with textgen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from textgen.errors import ConfigError, ModelExistsError, OutputError
from textgen.lm.storage.atomic_write import move_new, output_error, remove_leftovers
from textgen.lm.storage.claim import Claim
from textgen.lm.storage.store import (
    BELONGING,
    SUFFIX,
    is_packaged,
    models_folder,
    name_of,
    named_model,
    named_path,
)
from textgen.paths import Found, look_at


@dataclass(frozen=True)
class StoredModel:
    """A model in the store. path : of its own file, which may be gone. files : all that are there, that one last."""

    path: Path
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.stem

    @property
    def size(self) -> int:
        """The bytes of all its files; a link's are its own."""
        return sum(file.lstat().st_size for file in self.files)


def stored_model(name: str) -> StoredModel:
    """The model in the store that is named, or what is left of one whose own file is gone.

    Raises NoSuchModelError if there is none; ConfigError if it came with textgen, or is a file elsewhere.
    """
    left = _at(models_folder() / f"{name.removesuffix(SUFFIX)}{SUFFIX}")
    if Path(name).name == name and left.files:
        return left
    path = named_model(name)
    if is_packaged(path):
        raise ConfigError(f"'{path.stem}' came with textgen; it can be neither removed nor renamed")
    if name_of(path) != path.stem:
        raise ConfigError(f"{path} is not in {models_folder()}; only the models there are removed or renamed")
    return _at(models_folder() / path.name)


def _at(path: Path) -> StoredModel:
    """The model at `path`, whichever of its files are there."""
    files = [file for file in _files(path) if look_at(file).kind in (Found.FILE, Found.LOST_LINK)]
    return StoredModel(path, tuple(files))


@contextmanager
def held(*paths: Path) -> Iterator[None]:
    """While the block runs, no training can write a model at one of `paths`.

    Raises ModelBusyError if one is writing, OutputError if the system refuses.
    """
    with ExitStack() as claims:
        for path in paths:
            claims.callback(Claim(path).release)
        yield


def remove_models(models: Iterable[StoredModel]) -> None:
    """Remove all files of `models`, which are `held`. Raises OutputError.

    A model's own file goes last, so that one which is half removed can still be named.
    """
    for file in [file for model in models for file in model.files]:
        remove_leftovers(file)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{file}: cannot be removed: {error.strerror or error}") from error


def rename_model(model: StoredModel, name: str) -> StoredModel:
    """Give `model` another name, with all its files; what it is then.

    Raises ConfigError if the name cannot be, ModelExistsError if a file of it is there, ModelBusyError if a training
    writes under one of the two names, OutputError if the system refuses; then everything has its old name.
    """
    path = named_path(name, "the new name")
    if path == model.path:
        raise ModelExistsError(f"{model.name} has that name already")
    files = tuple(path.with_name(path.stem + file.suffix) for file in model.files)
    _check_free(path)
    with held(model.path, path):
        _check_free(path)  # once more: a training may just have ended
        _move_all(dict(zip(model.files, files, strict=True)))
    return StoredModel(path, files)


def _move_all(places: dict[Path, Path]) -> None:
    """Move each file to its new place. Raises ModelExistsError, OutputError; then none has moved."""
    with ExitStack() as moved:
        for old, new in places.items():
            try:
                move_new(old, new)
            except FileExistsError as error:
                raise _exists_error(new) from error
            except OSError as error:
                raise output_error(new, error) from error
            moved.callback(_move_back, new, old)
        moved.pop_all()


def _move_back(new: Path, old: Path) -> None:
    with suppress(OSError):  # the reason why it is moved back is told
        new.replace(old)


def _check_free(path: Path) -> None:
    """Raise ModelExistsError if there is a model at `path`, or a file that would belong to it."""
    for file in reversed(_files(path)):  # the model first, so that it is named where it is there
        if look_at(file).is_taken:
            raise _exists_error(file)


def _exists_error(file: Path) -> ModelExistsError:
    return ModelExistsError(
        f"{file} exists already; choose another name, or remove it first: `textgen models rm {file.stem}`"
    )


def _files(path: Path) -> list[Path]:
    """Where all files are that belong to the model at `path`; its own is the last."""
    return [path.with_name(path.stem + suffix) for suffix in BELONGING]
