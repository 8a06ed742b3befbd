"""Which training is gone on with: the one that is named, or the newest on the text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textgen.errors import ModelFileError, NoSuchModelError
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.storage.store import (
    CHECKPOINT_SUFFIX,
    asked_path,
    checkpoint_path,
    derived_path,
    is_derived,
    model_path,
    models_folder,
)
from textgen.paths import STDIN, Found, look_at
from textgen.text.corpus.files import hash_files
from textgen.text.tokens.tokenizers import LEVELS


def resumable_path(name: str | None, output: Path | None, corpus: Sequence[Path], level: str | None) -> Path:
    """The model's file, there or not, whose training is to be gone on with; level : None for any.

    Raises NoSuchModelError if there is no such training, ConfigError if both `name` and `output` are given, what
    `read_text` raises if the text is needed and cannot be read, ModelFileError if the only checkpoint is damaged.
    """
    path = asked_path(name, output)
    if path is None:
        return model_path(_newest(corpus, [level] if level else LEVELS))
    found = look_at(checkpoint_path(path), "checkpoint")
    if found.kind is not Found.FILE:
        raise NoSuchModelError(f"{checkpoint_path(path)}: {found.problem}; without --resume a training is begun")
    return path


def _newest(corpus: Sequence[Path], levels: Sequence[str]) -> Path:
    """The newest checkpoint in the store of a training on this text.

    One that was named after the text comes before one that was given a name. Standard input cannot be read twice: there
    the name alone decides.
    """
    text = None if STDIN in map(str, corpus) else hash_files(corpus)
    derived = [derived_path(corpus[0], level) for level in levels]
    found, others, damage = [], [], None
    for path in models_folder().glob(f"*{CHECKPOINT_SUFFIX}"):
        is_named = any(is_derived(path, one) for one in derived)
        try:
            origin = read_checkpoint(path).origin
        except NoSuchModelError:  # a folder of that name
            continue
        except ModelFileError as error:
            damage = error if is_named else damage
            continue
        if origin.text.level in levels and (is_named if text is None else origin.corpus_sha256 == text):
            found.append((is_named, path.stat().st_mtime_ns, path))
        elif is_named:
            others.append(path.stem)
    if found:
        return max(found)[-1]
    if damage is not None:
        raise damage
    there = f" ({', '.join(sorted(others))}: of other texts)" if others else ""
    raise NoSuchModelError(
        f"there is no checkpoint of a training on this text in {models_folder()}{there};"
        " --name or --output says whose training to go on with; without --resume one is begun"
    )
