"""Kernels that must be compiled are announced: once, on standard error, and not where they come from the cache."""

import re
import sys

import pytest

from textgen.cli.compiling import compilation_announced
from textgen.cli.options import Configs
from textgen.cli.output import Notes
from textgen.cli.progress import open_progress
from textgen.core import jit
from textgen.lm.config import NetworkConfig, TextConfig, TrainingConfig
from textgen.lm.plan import plan
from textgen.text.corpus import read_corpus

from .conftest import Screen


@pytest.fixture
def compile_two(tmp_path, monkeypatch):
    """A function that compiles two kernels, which no cache holds."""
    monkeypatch.setattr(jit, "CACHE_FOLDER", str(tmp_path / "kernels-0"))

    def compile_both():
        assert jit.kernel(lambda x: x + 1)(1) == 2
        assert jit.kernel(lambda x: x + 2)(1) == 3

    return compile_both


def test_once_and_where_they_are_kept(compile_two, tmp_path, capsys):
    with compilation_announced(Notes()):
        compile_two()
    assert capsys.readouterr() == (
        "",
        f"compiling kernels, once: some seconds, then they are kept in {tmp_path}\n",
    )


def test_without_a_folder_it_does_not_say_once(compile_two, monkeypatch, capsys):
    monkeypatch.setattr(jit, "CACHE_FOLDER", None)
    with compilation_announced(Notes()):
        compile_two()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "compiling kernels, at each start: no folder can be written to keep them; NUMBA_CACHE_DIR names another\n"
    )


def test_quiet_and_nothing_compiled_say_nothing(compile_two, capsys):
    with compilation_announced(Notes(quiet=True)):
        compile_two()
    with compilation_announced(Notes()):
        pass
    compile_two()
    assert capsys.readouterr() == ("", "")


def test_a_first_and_a_second_run(start, stored, tmp_path):
    stored("lines")
    cache = tmp_path / "cache"
    outputs, errors = [], []
    for _ in range(2):
        process = start("score", "the cat", "--threads", "1", env={"NUMBA_CACHE_DIR": str(cache)})
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        outputs.append(out)
        errors.append(err.decode().splitlines())
    assert outputs[0] == outputs[1]
    announced = f"compiling kernels, once: some seconds, then they are kept in {cache}"
    assert [line for line in errors[0] if "compiling" in line] == [announced]
    assert [line for line in errors[0] if line != announced] == errors[1]


def test_above_the_bar_of_a_training(compile_two, corpus, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Screen(sys.stderr))
    configs = Configs(TextConfig(unit="line"), NetworkConfig(hidden=8), TrainingConfig(steps=1))
    text = read_corpus([corpus], configs.text, lambda message: None)
    notes = Notes()
    progress = open_progress(text, configs, plan(text, configs.network, configs.training), notes)
    with compilation_announced(notes), progress:
        compile_two()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("compiling") == 1
    # The bar's line is erased before the note is printed, and the bar is drawn again below it.
    assert re.search(r"━[^\n]*\r\x1b\[2Kcompiling kernels, once: [^\r]*\npreparing [^\n]*━", re.sub(COLOURS, "", err))


COLOURS = r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]"
