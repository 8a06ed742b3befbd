"""Completion in the shell: `textgen completion SHELL` prints its script, which calls us at each press of Tab.

The scripts, what they hand over in the environment, and how it is answered are Typer's; ours is what a value can be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from typing import Annotated, Any

import typer

from textgen.checks import check_choice
from textgen.cli.commands.score import DETAILS
from textgen.cli.terminal.output import print_data
from textgen.core.cells import CELLS
from textgen.lm.config.finetuning import VOCABULARIES
from textgen.lm.config.sizes import SIZES
from textgen.lm.config.text import STARTS
from textgen.lm.config.training import CLIP_MODES, DROPOUT_KINDS, OPTIMIZERS
from textgen.nn.config import SOFTMAXES
from textgen.text.corpus.units import UNITS
from textgen.text.tokens.tokenizers import LEVELS, TOKENIZERS

SHELLS = ("bash", "zsh", "fish")
_PROGRAM, _VARIABLE = "textgen", "_TEXTGEN_COMPLETE"


def _model_names() -> Iterable[str]:
    from textgen.lm.storage.store import model_names

    return model_names()


# By an option's name, or by the word for an argument in the usage: what can stand there. All else is a file or free.
_VALUES: dict[str, Callable[[], Iterable[str]]] = {
    "--model": _model_names,
    "--from": _model_names,
    "NAME|FILE": _model_names,
    "MODEL": _model_names,
    "SHELL": lambda: SHELLS,
    "--level": lambda: LEVELS,
    "--tokenizer": lambda: TOKENIZERS,
    "--unit": lambda: UNITS,
    "--start": lambda: STARTS,
    "--vocabulary": lambda: VOCABULARIES,
    "--cell": lambda: CELLS,
    "--size": lambda: SIZES,
    "--softmax": lambda: SOFTMAXES,
    "--dropout-kind": lambda: DROPOUT_KINDS,
    "--optimizer": lambda: OPTIMIZERS,
    "--clip-by": lambda: CLIP_MODES,
    "--detail": lambda: DETAILS,
}


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"One of {', '.join(SHELLS)}.", show_default=False)],
) -> None:
    """Print a shell's completion script.

    By it the Tab key completes commands, options, their choices, and the names of models.

    \b
    bash: add to ~/.bashrc                   eval "$(textgen completion bash)"
    zsh:  add to ~/.zshrc, after compinit    eval "$(textgen completion zsh)"
    fish: run once    textgen completion fish > ~/.config/fish/completions/textgen.fish
    """  # noqa: D301  (the mark that keeps the lines as they are is a real \b)
    check_choice("shell", shell, SHELLS)

    script = _machinery().get_completion_script(prog_name=_PROGRAM, complete_var=_VARIABLE, shell=shell)
    print_data(script)


def complete(app: typer.Typer) -> None:
    """Answer a shell that asks how the command line may go on, and exit; nothing, if none asks."""
    instruction = os.environ.get(_VARIABLE)
    if not instruction:
        return
    # Typer passes descriptions through Rich where that can be found. Loading it takes as long as all the rest, and it
    # would take what stands in brackets for markup.
    sys.modules["rich"] = None  # type: ignore[assignment]
    machinery = _machinery()
    command = typer.main.get_command(app)
    for parameter in _parameters(command):
        parameter.process_value = _untouched
        values = _VALUES.get(parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar)
        if values is not None:
            parameter.shell_complete = partial(_matching, machinery.shell_completion.CompletionItem, values)
    sys.exit(machinery.shell_complete(command, {}, _PROGRAM, _VARIABLE, instruction))


def _parameters(command: Any, parent: Any = None) -> Iterator[Any]:
    """The parameters of a command, `--help` included, and of those below it."""
    context = typer.Context(command, parent=parent, **command.context_settings)
    yield from command.get_params(context)
    for below in getattr(command, "commands", {}).values():
        yield from _parameters(below, context)


def _untouched(context: Any, value: Any) -> Any:
    """What was typed before: nothing is done at it (`--version`), and Pydantic, which takes long, not loaded for it."""
    del context
    return value


def _matching(item: Any, values: Callable[[], Iterable[str]], context: Any, incomplete: str) -> list[Any]:
    """The values that begin with what was typed. item : Typer's type of them."""
    del context
    return [item(value) for value in values() if value.startswith(incomplete)]


def _machinery() -> Any:
    """Typer's module of completion, which is loaded for this alone."""
    module = import_module("typer.completion")
    module.completion_init()
    return module
