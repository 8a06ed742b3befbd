"""Going on with a training: which options may change, and how to go on after an interruption."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Set
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.checks import option_of
from textgen.cli.request.request import Configs, Request
from textgen.cli.terminal.number_formats import format_duration
from textgen.errors import ConfigError
from textgen.lm.config.finetuning import FinetuningConfig
from textgen.paths import STDIN, shown

if TYPE_CHECKING:
    from textgen.lm.planning.base import Base
    from textgen.lm.progress.checkpoint import Checkpoint, Origin

_FREE = {"threads", "checkpoint_minutes"}  # they change nothing of what is learnt
_LENGTHS = {"epochs", "steps", "seconds", "patience"}  # they may grow
_UNSET = (None, "auto")  # what a setting is that is found out by itself


def open_checkpoint(path: Path, asked: Configs, given: Set[str], base: Base | None) -> tuple[Checkpoint, Configs]:
    """The checkpoint at `path`, and the configurations with which its training goes on; see `resumed_configs`."""
    from textgen.lm.progress.checkpoint import read_checkpoint

    checkpoint = read_checkpoint(path)
    return checkpoint, resumed_configs(checkpoint, asked, given, base)


def resumed_configs(checkpoint: Checkpoint, asked: Configs, given: Set[str], base: Base | None) -> Configs:
    """The configurations of a training that is gone on with: those of the checkpoint, and what may change.

    given : the names of the settings in `asked` that the user gave; all others are of no concern. base : the model that
    `asked` has it begin with.
    Raises ConfigError that names all that would make another training of it, and lengths that would shrink.
    """
    origin, refused, parts = checkpoint.origin, [*_other_beginnings(checkpoint, asked, base)], {}
    for part in ("text", "network", "training"):
        before, now = getattr(origin, part), getattr(asked, part)
        changes: dict[str, Any] = {}
        for name in [field.name for field in fields(before) if field.name in given]:
            old, new = getattr(before, name), getattr(now, name)
            if new == old or new in _UNSET:
                continue
            if name in _FREE or (name in _LENGTHS and _is_longer(name, old, new)):
                changes[name] = new
            else:
                refused.append(_format_refusal(name, old, new))
        parts[part] = replace(before, **changes)
        checkpoint.history.training.update({name: new for name, new in changes.items() if name in _LENGTHS})
    if refused:
        raise ConfigError(
            f"{checkpoint.path} is of a training with other options: {'; '.join(refused)}."
            " Leave them out to go on with it; without --resume another training is begun"
        )
    began = origin.base
    finetuning = FinetuningConfig() if began is None else FinetuningConfig(began.name, began.vocabulary)
    return Configs(**parts, finetuning=finetuning)


def _other_beginnings(checkpoint: Checkpoint, asked: Configs, base: Base | None) -> Iterator[str]:
    """What of a model to begin with is not as it was; it is known by its parameters, whatever its name is now."""
    before, vocabulary = checkpoint.origin.base, asked.finetuning.vocabulary
    if base is None:
        return
    if before is None:
        yield "--from was not given"
        return
    if base.facts.sha256 != before.sha256:
        changed = "whose parameters have changed since" if base.name == before.name else f"not {base.name}"
        yield f"--from {before.name}, {changed}"
    if vocabulary not in (None, before.vocabulary):
        yield _format_refusal("vocabulary", before.vocabulary, vocabulary)


def text_to_validate_on(checkpoint: Checkpoint, given: Path | None) -> Path | None:
    """The text that a training that is gone on with is validated on. given : by the user.

    Raises ConfigError if that was standard input, which is read once.
    """
    if given is None and checkpoint.origin.valid == STDIN:
        raise ConfigError(
            f"{checkpoint.path} is of a training that was validated on standard input, which cannot be read again;"
            " give that text with --valid FILE, or with --valid -"
        )
    return given or checkpoint.valid_path


def _is_longer(name: str, old: Any, new: Any) -> bool:
    if name == "patience":
        return bool(new == 0 or 0 < old < new)  # 0 is for ever
    return old is not None and bool(new > old)


def _format_refusal(name: str, old: Any, new: Any) -> str:
    option = f"--{option_of(name)}"
    shown = [format_duration(value) if name == "seconds" and value is not None else value for value in (old, new)]
    if old is None:
        return f"{option} was not given"
    if name in _LENGTHS:
        return f"{option} {shown[0]}, which may grow, not shrink to {shown[1]}"
    if isinstance(new, bool):
        return f"{option} was {'' if old else 'not '}given"
    return f"{option} {shown[0]}, not {shown[1]}"


def check_same_text(checkpoint: Checkpoint, origin: Origin) -> None:
    """Raise ConfigError unless `origin`, of the corpus that was read, is on the text of the checkpoint."""
    before, path = checkpoint.origin, checkpoint.path
    if origin.corpus_sha256 != before.corpus_sha256:
        raise ConfigError(
            f"{path} is of a training on another text (SHA-256 {before.corpus_sha256[:12]}..., this one's is"
            f" {origin.corpus_sha256[:12]}...); give that text, or begin a training without --resume"
        )
    if origin.data_sha256 != before.data_sha256:
        held_out = "the text that it was validated on" if before.valid or origin.valid else "how it is cut into tokens"
        raise ConfigError(f"{path} is of a training on the same text, but {held_out} has changed; train it anew")


def describe_checkpoint(checkpoint: Checkpoint, configs: Configs, name: str) -> Iterator[tuple[str, str]]:
    """Where the training goes on, label and words."""
    from textgen import __version__
    from textgen.lm.progress.state import MORE

    state = checkpoint.state
    place = f"epoch {state.epoch}, step {state.step:,}, {format_duration(state.seconds)} of training behind it"
    yield "resumed", f"{name}: {place}"
    before, now = checkpoint.origin.training, configs.training
    length = "seconds" if state.stopped == "time" else state.stopped
    if length is not None and state.stopped in MORE and getattr(before, length) == getattr(now, length):
        yield "", f"it is at its end; more --{state.stopped} goes on with it"
    if checkpoint.version != __version__:
        yield (
            "",
            f"begun with textgen {checkpoint.version}, this is {__version__}: the end may differ in its last digits",
        )


def resume_command(request: Request) -> str:
    """The command line that goes on with a training."""
    place = request.destination
    where = ["--name", place.name] if place.name != str(place.path) else ["--output", str(place.path)]
    log = [] if request.log is None else ["--log", str(request.log)]
    valid = ["--valid", STDIN] if request.valid is not None and str(request.valid) == STDIN else []
    index = [] if request.index else ["--no-index"]
    arguments = ["textgen", "train", *map(_as_argument, request.files), "--resume", *where, *valid, *log, *index]
    return " ".join(map(quoted, arguments))


def quoted(argument: str) -> str:
    r"""`argument` as a shell takes it; bytes that are no UTF-8 by their numbers: $'caf\xe9.txt'."""
    if argument == shown(argument):
        return shlex.quote(argument)
    escaped = argument.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{shown(escaped)}'"


def _as_argument(path: Path) -> str:
    """A path that is not taken for an option."""
    text = str(path)
    return f"./{text}" if text.startswith("-") and text != STDIN else text
