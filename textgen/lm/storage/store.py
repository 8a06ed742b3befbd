"""The store: where models are kept by name, and how a name becomes a file.

A model named NAME is the file NAME.safetensors in `models_folder()`; the checkpoint of its training is NAME.checkpoint.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from platformdirs import user_data_path

from textgen.errors import ConfigError, ModelExistsError, ModelFileError, NoSuchModelError
from textgen.lm.storage.atomic_write import check_writable, exists_error, output_error
from textgen.lm.storage.model_file import read_summary

SUFFIX = ".safetensors"
CHECKPOINT_SUFFIX = ".checkpoint"
_LONGEST_NAME = 100  # characters
_Found = TypeVar("_Found")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def models_folder() -> Path:
    """The folder of the store, which may not exist: in $TEXTGEN_HOME, else in the user's data folder."""
    home = os.environ.get("TEXTGEN_HOME")
    return (Path(home) if home else user_data_path("textgen", appauthor=False)) / "models"


def list_models() -> list[Path]:
    """The files in the store, newest first, sound or not."""
    folder = models_folder()
    found = [path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".") and path.is_file()]
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def find_model(
    name_or_path: str | None, level: str | None, read: Callable[[Path], _Found], warn: Callable[[str], None]
) -> tuple[Path, _Found]:
    """The file of the model that is named, and what `read` makes of it: `load_model` or `read_summary`.

    If none is named, the newest of `level` (None: of any level) that is sound; of each newer one that is not, `warn` is
    told. Raises NoSuchModelError if there is none, or if the named one has another level; ModelFileError if it is
    damaged.
    """
    if name_or_path is None:
        return _newest(level, read, warn)
    path = _named(name_or_path)
    if level is not None and (found := read_summary(path).level) != level:
        raise NoSuchModelError(f"the model '{name_or_path}' is of the level {found}, not {level}")
    return path, read(path)


def output_path(name: str | None, output: Path | None, stem: str, *, force: bool) -> Path:
    """Where a new model will be written: `output`, or `name` in the store, or a free name made from `stem`.

    The store's folder is made. Raises ConfigError if both are given or the name is not allowed, ModelExistsError if the
    model or a checkpoint is there and `force` is False, OutputError if the folder cannot be written.
    """
    path = _asked_path(name, output)
    if path is None:
        path = models_folder() / f"{_cleaned(stem)}{SUFFIX}"
    if output is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(path, error) from error
    if name is None and output is None and not force:
        path = free_path(path)
    if path.exists() and not path.is_dir() and not force:
        raise exists_error(path, "or --resume to go on with its training" if checkpoint_path(path).exists() else "")
    if checkpoint_path(path).exists() and not force:
        raise ModelExistsError(
            f"{checkpoint_path(path)} is the checkpoint of a training that was begun under this name;"
            " --resume goes on with it, --force begins anew"
        )
    check_writable(path)
    return path


def _asked_path(name: str | None, output: Path | None) -> Path | None:
    """The model's file that was asked for by name or path, None if none was. Raises ConfigError."""
    if name is not None and output is not None:
        raise ConfigError("--name and --output contradict each other; give one of them")
    return output if name is None else models_folder() / f"{_checked_name(name)}{SUFFIX}"


def checkpoint_path(path: Path) -> Path:
    """Where the checkpoint of a model's training is, of the model at `path`."""
    return path.with_name(path.name.removesuffix(SUFFIX) + CHECKPOINT_SUFFIX)


def resumable_path(name: str | None, output: Path | None, stems: Sequence[str]) -> Path:
    """The model's file, there or not, whose training is to be gone on with: see `output_path`.

    If neither name nor path is given, that of the newest checkpoint with a name made from one of `stems`.
    Raises NoSuchModelError if there is no checkpoint, ConfigError as `output_path` does.
    """
    path = _asked_path(name, output)
    if path is None:
        begun = "|".join(re.escape(_cleaned(stem)) for stem in stems)
        pattern = re.compile(rf"(?:{begun})(?:-\d+)?{re.escape(CHECKPOINT_SUFFIX)}")
        found = [file for file in models_folder().glob(f"*{CHECKPOINT_SUFFIX}") if pattern.fullmatch(file.name)]
        if not found:
            raise NoSuchModelError(
                f"there is no checkpoint of {' or '.join(map(_cleaned, stems))} in {models_folder()};"
                " --name or --output says whose training to go on with; without --resume one is begun"
            )
        newest = max(found, key=lambda file: (file.stat().st_mtime_ns, file.name))
        return newest.with_name(newest.name.removesuffix(CHECKPOINT_SUFFIX) + SUFFIX)
    if not checkpoint_path(path).is_file():
        raise NoSuchModelError(f"{checkpoint_path(path)}: no such checkpoint; without --resume a training is begun")
    return path


def free_path(path: Path) -> Path:
    """`path` if there is no such file, nor a checkpoint; else the first free one of NAME-2, NAME-3, ..."""
    return next(one for one in _numbered(path) if not one.exists() and not checkpoint_path(one).exists())


def name_of(path: Path) -> str:
    """What to call the model at `path`, as `--model` takes it: its name in the store, or its path."""
    inside = path.suffix == SUFFIX and path.parent.resolve() == models_folder().resolve()
    return path.stem if inside else str(path)


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


def _newest(level: str | None, read: Callable[[Path], _Found], warn: Callable[[str], None]) -> tuple[Path, _Found]:
    """The newest model of `level` that is sound; see `find_model`. Raises NoSuchModelError if there is none."""
    for path in list_models():
        try:
            if level is None or read_summary(path).level == level:
                return path, read(path)
        except (ModelFileError, NoSuchModelError) as error:  # the latter: it was there when the store was listed
            warn(f"{error}; it is passed over")
    kind = f"model of the level {level}" if level else "model"
    advice = f"`textgen train CORPUS{f' --level {level}' if level else ''}` makes one"
    raise NoSuchModelError(f"there is no {kind} in {models_folder()}; {advice}")


def _named(name: str) -> Path:
    """The file that `name` names: in the store, or a path. Raises NoSuchModelError."""
    path = Path(name)
    stored = models_folder() / (name if name.endswith(SUFFIX) else name + SUFFIX)
    is_bare = path.name == name
    if is_bare and stored.is_file():
        return stored
    if path.is_file():
        return path
    if not is_bare or name.endswith(SUFFIX):
        raise NoSuchModelError(f"{name}: " + ("a folder, not a model file" if path.is_dir() else "no such model file"))
    known = [model.stem for model in list_models()]
    similar = get_close_matches(name, known)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "`textgen models` lists what there is"
    raise NoSuchModelError(f"no model named '{name}' in {models_folder()}; {hint}")


def _checked_name(name: str) -> str:
    """`name`, if every system can have a file of that name. Raises ConfigError."""
    name = name.removesuffix(SUFFIX)
    wrong = sorted({letter for letter in name if not _is_allowed(letter)})
    if wrong:
        raise ConfigError(f"--name may hold letters, digits, '.', '_' and '-', not {wrong[0]!r}; --output takes a path")
    if not 0 < len(name) <= _LONGEST_NAME or name[0] in ".-" or name.endswith(".") or _WINDOWS_DEVICES.fullmatch(name):
        raise ConfigError(
            f"--name cannot be '{name}': give 1 to {_LONGEST_NAME} letters, beginning with a letter or digit,"
            " not ending with '.', and no device's name such as CON"
        )
    return name


def _cleaned(stem: str) -> str:
    """A name that every system allows, as near to `stem` as can be."""
    cleaned = "".join(letter if _is_allowed(letter) else "-" for letter in stem)
    cleaned = re.sub("-+", "-", cleaned).strip(".-")[:_LONGEST_NAME].rstrip(".-")
    return f"model-{cleaned}".rstrip("-") if not cleaned or _WINDOWS_DEVICES.fullmatch(cleaned) else cleaned


def _is_allowed(letter: str) -> bool:
    return letter.isalnum() or letter in "._-"
