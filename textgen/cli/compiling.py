"""What is told when kernels have to be compiled, so that nobody wonders why nothing happens for some seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen.cli.output import Notes


@contextmanager
def compilation_announced(notes: Notes) -> Iterator[None]:
    """While the block runs, the first kernel that is compiled, not found in the cache, is told in a note."""
    from textgen.core.jit import CACHE_FOLDER, compilations_heard

    announced = False

    def announce() -> None:
        nonlocal announced
        if not announced:
            announced = True
            notes.say("compiling", format_compilation(CACHE_FOLDER))

    with compilations_heard(announce):
        yield


def format_compilation(cache_folder: str | None) -> str:
    """What follows the word "compiling": how often, and where the kernels are kept; None is nowhere."""
    if cache_folder is None:
        return "kernels, at each start: no folder can be written to keep them; NUMBA_CACHE_DIR names another"
    return f"kernels, once: some seconds, then they are kept in {Path(cache_folder).parent}"
