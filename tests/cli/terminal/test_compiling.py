"""Kernels that must be compiled are announced, those from the cache are not; Ctrl-C does no harm meanwhile."""

import errno
import os
import re
import signal
import sys
import threading
from typing import Any

import pytest
from numba.core.caching import IndexDataCacheFile

from tests.cli.conftest import SMALL, Screen
from textgen.cli.course.progress import open_progress
from textgen.cli.request.request import Configs
from textgen.cli.terminal.compiling import compilation_watched
from textgen.cli.terminal.output import Notes
from textgen.cli.terminal.signals import Stopping, interruptible
from textgen.core.runtime import jit, kernel_cache
from textgen.lm.config.finetuning import FinetuningConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import plan
from textgen.lm.storage.store import models_folder
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.corpus import read_corpus


@pytest.fixture
def compile_two(tmp_path, monkeypatch):
    """A function that compiles two kernels, which no cache holds."""
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(tmp_path / "kernels-0"))
    (tmp_path / "kernels-0").mkdir()

    def compile_both():
        assert jit.kernel(lambda x: x + 1)(1) == 2
        assert jit.kernel(lambda x: x + 2)(1) == 3

    return compile_both


def test_once_and_where_they_are_kept(compile_two, tmp_path, capsys):
    with compilation_watched(Notes()):
        compile_two()
    assert capsys.readouterr() == (
        "",
        f"compiling kernels, once: some seconds, then they are kept in {tmp_path}\n",
    )


@pytest.mark.parametrize("is_there", [False, True])
def test_without_a_folder_that_can_be_written_it_does_not_say_once(compile_two, monkeypatch, capsys, is_there):
    """Nor, of a folder that is read-only, that the kernels could not be kept: that is the same."""

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    if is_there:
        monkeypatch.setattr(os, "access", lambda *_: False)
        monkeypatch.setattr(IndexDataCacheFile, "_save_index", refuse)
    else:
        monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", None)
    with compilation_watched(Notes()):
        compile_two()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "compiling kernels, at each start: no folder can be written to keep them; NUMBA_CACHE_DIR names another\n"
    )


def test_a_full_disk_is_told_once(compile_two, tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(IndexDataCacheFile, "_save_data", refuse)
    with compilation_watched(Notes()):
        compile_two()
    folder = tmp_path / "kernels-0"
    told = f"kernels   cannot be kept in {folder}: No space left on device; the next start compiles them again\n"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.partition("\n")[2] == told


def test_quiet_and_nothing_compiled_say_nothing(compile_two, capsys):
    with compilation_watched(Notes(quiet=True)):
        compile_two()
    with compilation_watched(Notes()):
        pass
    compile_two()
    assert capsys.readouterr() == ("", "")


def test_a_first_and_a_second_run(start, stored, tmp_path):
    stored("lines")
    cache = tmp_path / "cache"
    outputs, errors = [], []
    for _ in range(2):
        process = start("score", "the cat", "--threads", "1", env={"NUMBA_CACHE_DIR": str(cache)})
        out, err = process.communicate()
        assert process.returncode == 0, err
        outputs.append(out)
        errors.append(err.decode().splitlines())
    assert outputs[0] == outputs[1]
    announced = f"compiling kernels, once: some seconds, then they are kept in {cache}"
    assert [line for line in errors[0] if "compiling" in line] == [announced]
    assert [line for line in errors[0] if line != announced] == errors[1]


def test_an_interruption_waits_for_the_kernel_and_leaves_the_compiler_whole(compile_two):
    """Raised in the midst of it, LLVM would lose it, and the kernel could never be compiled again."""

    def plus_three(x):
        return x + 3

    slow: Any = jit.kernel(plus_three)
    presses = [signal.SIGINT]

    def press():
        if presses:
            signal.raise_signal(presses.pop())

    with pytest.raises(KeyboardInterrupt), compilation_watched(Notes(quiet=True)), jit.compiler_heard(press):
        slow(1)
    assert not presses
    assert len(slow.signatures) == 1, "it was compiled to its end"
    assert slow(1) == 4
    compile_two()


def test_an_interruption_elsewhere_is_not_held_up_and_keeps_another_thread_from_compiling(compile_two):
    raised = []

    def compile_there():
        try:
            compile_two()
        except KeyboardInterrupt:
            raised.append(True)

    with compilation_watched(Notes(quiet=True)):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        thread = threading.Thread(target=compile_there)
        thread.start()
        thread.join()
    assert raised


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with compilation_watched(Notes()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_job_that_ignores_ctrl_c_goes_on_ignoring_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        requested = Stopping()
        with compilation_watched(Notes()), interruptible(requested, lambda: None):
            signal.raise_signal(signal.SIGINT)
            assert not requested()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_while_kernels_are_compiled(start, stored, tmp_path):
    stored("lines")
    process = start("score", "the cat", env={"NUMBA_CACHE_DIR": str(tmp_path / "cache")})
    assert process.stderr.readline().startswith(b"compiling kernels, once: ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert err == b"textgen: interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_while_kernels_are_compiled_for_a_training(start, corpus, tmp_path):
    process = start("train", corpus, *SMALL, "--threads", "2", env={"NUMBA_CACHE_DIR": str(tmp_path / "cache")})
    for line in process.stderr:
        if line.startswith(b"compiling kernels, once: "):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    message = b"textgen: interrupted before the first step; no model is saved\n"
    assert (process.returncode, out, err) == (130, b"", message)
    assert not list(models_folder().iterdir())


def test_above_the_view_of_a_training(compile_two, corpus, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Screen(sys.stderr))
    configs = Configs(TextConfig(unit="line"), NetworkConfig(hidden=8), TrainingConfig(steps=1), FinetuningConfig())
    text = read_corpus([corpus], configs.text, lambda message: None)
    notes = Notes()
    progress = open_progress(text, configs, plan(text, configs.network, configs.training), notes)
    with compilation_watched(notes), progress:
        compile_two()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("compiling") == 1
    # The view's line is erased before the note is printed, and the view is drawn again below it.
    assert re.search(r"─[^\n]*\r\x1b\[2Kcompiling kernels, once: [^\r]*\npreparing [^\n]*─", re.sub(COLOURS, "", err))


COLOURS = r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]"
