"""The store: where models are kept by name, and how a name becomes a file.

A model named NAME is the file NAME.safetensors in `models_folder()`; the checkpoint of its training is NAME.checkpoint,
the index of its text NAME.index.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import TypeVar

from platformdirs import user_data_path

from textgen.errors import ConfigError, ModelFileError, NoSuchModelError
from textgen.lm.storage.model_file import read_summary
from textgen.paths import STDIN, Found, look_at, real

SUFFIX = ".safetensors"
CHECKPOINT_SUFFIX = ".checkpoint"
INDEX_SUFFIX = ".index"
_LONGEST_NAME = 230  # bytes: with a number and a suffix, a file's name has at most 255
_Found = TypeVar("_Found")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def models_folder() -> Path:
    """The folder of the store, which may not exist: in $TEXTGEN_HOME, else in the user's data folder."""
    home = os.environ.get("TEXTGEN_HOME")
    return (Path(home) if home else user_data_path("textgen", appauthor=False)) / "models"


def list_models() -> list[Path]:
    """The files in the store, newest first, sound or not."""
    folder = models_folder()
    found = [path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".") and _is_file(path)]
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


def asked_path(name: str | None, output: Path | None) -> Path | None:
    """The model's file that was asked for by name or path, None if none was. Raises ConfigError."""
    if name is not None and output is not None:
        raise ConfigError("--name and --output contradict each other; give one of them")
    return output if name is None else models_folder() / f"{_checked_name(name)}{SUFFIX}"


def derived_path(corpus: Path, level: str) -> Path:
    """The file of a model of this text and level that was given no name, if the name is free; see `is_derived`."""
    return models_folder() / f"{_cleaned(f'{_stem(corpus)}-{level}')}{SUFFIX}"


def is_derived(path: Path, derived: Path) -> bool:
    """Whether a model or a checkpoint at `path` has the name `derived`, or that with a number: NAME-2, NAME-3, ..."""
    return re.fullmatch(rf"{re.escape(derived.stem)}(?:-\d+)?", path.stem) is not None


def numbered(path: Path) -> Iterator[Path]:
    """`path`, then NAME-2, NAME-3, ..."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def checkpoint_path(path: Path) -> Path:
    """Where the checkpoint of a model's training is, of the model at `path`."""
    return path.with_name(path.name.removesuffix(SUFFIX) + CHECKPOINT_SUFFIX)


def index_path(path: Path) -> Path:
    """Where the index of the text is that the model at `path` learnt."""
    return path.with_name(path.name.removesuffix(SUFFIX) + INDEX_SUFFIX)


def model_path(checkpoint: Path) -> Path:
    """The file in the store of the model whose training has this checkpoint."""
    return checkpoint.with_name(checkpoint.name.removesuffix(CHECKPOINT_SUFFIX) + SUFFIX)


def name_of(path: Path) -> str:
    """What to call the model at `path`, as `--model` takes it: its name in the store, or its path."""
    inside = path.suffix == SUFFIX and real(path.parent) == real(models_folder())
    return path.stem if inside else str(path)


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
    if is_bare and _is_file(stored):
        return stored
    found = look_at(path, "model file")
    if found.kind is Found.FILE:
        return path
    if not is_bare or name.endswith(SUFFIX):
        raise NoSuchModelError(f"{name}: {found.problem or 'a pipe or a device, not a model file'}")
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
    size = len(name.encode())
    if size > _LONGEST_NAME:
        raise ConfigError(f"--name cannot be '{name}': in UTF-8 it has {size} bytes, more than {_LONGEST_NAME}")
    if not name or name[0] in ".-" or name.endswith(".") or _WINDOWS_DEVICES.fullmatch(name):
        raise ConfigError(
            f"--name cannot be '{name}': it must begin with a letter or digit, not end with '.', and be no device's"
            " name such as CON"
        )
    return name


def _stem(corpus: Path) -> str:
    """What a model of this text is called, without its level."""
    if str(corpus) == STDIN:
        return "stdin"
    while corpus.suffix in {".txt", ".gz", ".bz2", ".xz"}:
        corpus = corpus.with_suffix("")
    return corpus.name


def _cleaned(stem: str) -> str:
    """A name that every system allows, as near to `stem` as can be."""
    cleaned = "".join(letter if _is_allowed(letter) else "-" for letter in stem)
    cleaned = re.sub("-+", "-", cleaned).strip(".-").encode()[:_LONGEST_NAME].decode(errors="ignore").rstrip(".-")
    return f"model-{cleaned}".rstrip("-") if not cleaned or _WINDOWS_DEVICES.fullmatch(cleaned) else cleaned


def _is_file(path: Path) -> bool:
    return look_at(path).kind is Found.FILE


def _is_allowed(letter: str) -> bool:
    return letter.isalnum() or letter in "._-"
