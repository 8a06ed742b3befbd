"""The store: where models are kept by name, and how a name becomes a file.

A model named NAME is the file NAME.safetensors in `models_folder()`; beside it lies what belongs to it (`BELONGING`).
Some models come with textgen itself, in `packaged_folder()`; the user's own stand before them.

Nothing heavy is imported here until a model is read, so that a shell's completion can name models at once.
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
from textgen.paths import STDIN, Found, look_at, real

SUFFIX = ".safetensors"
CHECKPOINT_SUFFIX = ".checkpoint"
INDEX_SUFFIX = ".index"
BELONGING = (CHECKPOINT_SUFFIX, INDEX_SUFFIX, SUFFIX)  # of all files of a model; its own is the last
PACKAGED = {"word": "english-word", "char": "english-char"}  # by level; the first, where no level is asked for
_LONGEST_NAME = 230  # bytes: with a number and a suffix, a file's name has at most 255
_Found = TypeVar("_Found")
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def models_folder() -> Path:
    """The folder of the store, which may not exist: in $TEXTGEN_HOME, else in the user's data folder."""
    home = os.environ.get("TEXTGEN_HOME")
    return (Path(home) if home else user_data_path("textgen", appauthor=False)) / "models"


def packaged_folder() -> Path:
    """The folder of the models that come with textgen; they are read, and never written, removed or renamed."""
    return Path(__file__).parents[2] / "models"


def packaged_models(level: str | None = None) -> list[Path]:
    """The files of the models that come with textgen and are there, of `level` or of all."""
    names = PACKAGED.values() if level is None else [PACKAGED[level]]
    return [path for name in names if _is_file(path := packaged_folder() / f"{name}{SUFFIX}")]


def is_packaged(path: Path) -> bool:
    """Whether the model at `path` came with textgen."""
    return path.suffix == SUFFIX and real(path.parent) == real(packaged_folder())


def model_names() -> list[str]:
    """What can be given as a model's name, those that came with textgen included; no name that a shell would read."""
    names = {path.stem for path in (*list_models(), *packaged_models())}
    return sorted(name for name in names if all(map(_is_allowed, name)))


def list_models() -> list[Path]:
    """The files in the store, newest first, sound or not."""
    folder = models_folder()
    found = [path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".") and _is_file(path)]
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def find_model(
    name_or_path: str | None, level: str | None, read: Callable[[Path], _Found], warn: Callable[[str], None]
) -> tuple[Path, _Found]:
    """The file of the model that is named, and what `read` makes of it: `load_model` or `read_summary`.

    If none is named, the newest in the store of `level` (None: of any level) that is sound, else the one of that level
    that came with textgen; of each before it that is not sound, `warn` is told. Raises NoSuchModelError if there is
    none, or if the named one has another level; ModelFileError if it is damaged.
    """
    if name_or_path is None:
        return _default(level, read, warn)
    path = named_model(name_or_path)
    if level is not None and (found := _level_of(path)) != level:
        raise NoSuchModelError(f"the model '{name_or_path}' is of the level {found}, not {level}")
    return path, read(path)


def named_model(name: str) -> Path:
    """The model's file that `name` names: in the store, by its path, or one that came with textgen.

    Raises NoSuchModelError if there is none.
    """
    path = Path(name)
    stored = models_folder() / (name if name.endswith(SUFFIX) else name + SUFFIX)
    is_bare = path.name == name
    if is_bare and _is_file(stored):
        return stored
    found = look_at(path, "model file")
    if found.kind is Found.FILE:
        return path
    for packaged in packaged_models():
        if name in (packaged.name, packaged.stem):
            return packaged
    if not is_bare or name.endswith(SUFFIX):
        raise NoSuchModelError(f"{name}: {found.problem or 'a pipe or a device, not a model file'}")
    known = [model.stem for model in (*list_models(), *packaged_models())]
    similar = get_close_matches(name, known)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "`textgen models` lists what there is"
    raise NoSuchModelError(f"no model named '{name}' in {models_folder()}; {hint}")


def asked_path(name: str | None, output: Path | None) -> Path | None:
    """The model's file that was asked for by name or path, None if none was. Raises ConfigError."""
    if name is not None and output is not None:
        raise ConfigError("--name and --output contradict each other; give one of them")
    return output if name is None else named_path(name, "--name", "; --output takes a path")


def named_path(name: str, what: str, advice: str = "") -> Path:
    """Where a new model of that name goes. what : the option that gave it. Raises ConfigError; advice : with it."""
    return models_folder() / f"{_checked_name(name, what, advice)}{SUFFIX}"


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
    is_stored = path.suffix == SUFFIX and real(path.parent) == real(models_folder())
    is_named = is_stored or (is_packaged(path) and not _is_file(models_folder() / path.name))
    return path.stem if is_named else str(path)


def _level_of(path: Path) -> str:
    """The level of the model at `path`. Raises as `read_summary` does."""
    from textgen.lm.storage.model_file import read_summary  # which loads NumPy

    return read_summary(path).level


def _default(level: str | None, read: Callable[[Path], _Found], warn: Callable[[str], None]) -> tuple[Path, _Found]:
    """The model that is taken if none is named; see `find_model`. Raises NoSuchModelError if there is none."""
    for path in (*list_models(), *packaged_models(level)):
        try:
            if level is None or is_packaged(path) or _level_of(path) == level:
                return path, read(path)
        except (ModelFileError, NoSuchModelError) as error:  # the latter: it was there when the store was listed
            warn(f"{error}; it is passed over")
    kind = f"model of the level {level}" if level else "model"
    advice = f"`textgen train CORPUS{f' --level {level}' if level else ''}` makes one"
    raise NoSuchModelError(f"there is no {kind} in {models_folder()}; {advice}")


def _checked_name(name: str, what: str, advice: str) -> str:
    """`name`, if every system can have a file of that name. Raises ConfigError."""
    name = name.removesuffix(SUFFIX)
    wrong = sorted({letter for letter in name if not _is_allowed(letter)})
    if wrong:
        raise ConfigError(f"{what} may hold letters, digits, '.', '_' and '-', not {wrong[0]!r}{advice}")
    size = len(name.encode())
    if size > _LONGEST_NAME:
        raise ConfigError(f"{what} cannot be '{name:.40}...': in UTF-8 it has {size} bytes, more than {_LONGEST_NAME}")
    if not name or name[0] in ".-" or name.endswith(".") or _WINDOWS_DEVICES.fullmatch(name):
        raise ConfigError(
            f"{what} cannot be '{name}': it must begin with a letter or digit, not end with '.', and be no device's"
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
