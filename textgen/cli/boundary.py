"""The one place where failures become a message on standard error and an exit code.

0 done, 1 the work failed, 2 the request was wrong. 130 ended by Ctrl-C, 143 by SIGTERM, 129 by a terminal that was
closed. A closed pipe ends quietly: whoever reads has had enough. A programming error keeps its traceback.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import typer

from textgen.cli.app import app, command_for
from textgen.cli.completion import complete
from textgen.cli.terminal.output import flush_data, print_line
from textgen.cli.terminal.signals import INTERRUPTED
from textgen.cli.terminal.streams import prepare_streams
from textgen.cli.unknown_options import explain
from textgen.errors import OutputError, TextgenError, WorkError

# Typer exports BadParameter alone; its parent, the error of every wrong usage, has moved with the versions.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    _prepare_process()
    prepare_streams()
    complete(app)
    code = run(sys.argv[1:] if arguments is None else arguments)
    gc.freeze()  # what is left ends with the process: without a last look through Numba's and LLVM's objects (0.15 s)
    sys.exit(code)


def _prepare_process() -> None:
    """Settings of the whole process by which it starts sooner.

    Loading Numba makes nearly 100,000 objects that stay; by default they are searched for garbage again and again
    (0.1 s). NumPy's BLAS is not used (products have kernels of their own), so it need not start its threads (0.04 s).
    """
    gc.set_threshold(200_000)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    return guarded(lambda: _invoke(arguments))


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, its failures told on standard error.

    What it printed is then sent on its way. If that fails, too, the code of its own failure stays.
    """
    code = _told(work)
    try:
        flush_data()
    except BrokenPipeError:
        return code
    except OutputError as error:
        return code or _fail(str(error), error.exit_code)
    return code


def _told(work: Callable[[], int]) -> int:
    try:
        return work()
    except TextgenError as error:
        return _fail(str(error), error.exit_code)
    except UsageError as error:
        return _fail(_usage_message(error), 2)
    except BrokenPipeError:
        return 0
    except MemoryError as error:
        return _fail(f"there is not enough memory: {error or 'the system refused more'}", WorkError.exit_code)
    except (KeyboardInterrupt, typer.Abort) as interruption:
        return _fail(f"interrupted {interruption}".rstrip(), INTERRUPTED)


def _invoke(arguments: Sequence[str]) -> int:
    """Parse and run without Typer's own handling of errors, which prints boxes and exits."""
    command = command_for(arguments)
    try:
        with command.make_context("textgen", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _usage_message(error: Exception) -> str:
    """What was wrong with the command line, and where its help is."""
    message: str = explain(error) or error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    place = context.command_path if context is not None else "textgen"
    see = " See" if message.endswith("?") else "; see"  # Typer may ask whether another name was meant
    return f"{message[:1].lower()}{message[1:].rstrip('.')}{see} `{place} --help`"


def _fail(message: str, code: int) -> int:
    print_line(f"textgen: {message}")
    return code
