"""Completion in the shell: what Tab offers, by the protocol and in the shells themselves."""

import os
import shutil
import subprocess
import sys

import pytest
import typer

from tests.cli.conftest import ROOT
from tests.cli.test_bad_input import check
from textgen.cli import completion
from textgen.cli.app import app
from textgen.core.cells import CELLS


@pytest.fixture
def tab(monkeypatch, capsys):
    """A function that asks what may follow the words of a command line, the last of which is not complete."""

    def ask(*words):
        for name, value in as_bash_asks(*words).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setitem(sys.modules, "rich", sys.modules.get("rich"))  # put back after the test
        with pytest.raises(SystemExit) as end:
            completion.complete(app)
        captured = capsys.readouterr()
        assert (end.value.code, captured.err) == (0, "")
        return captured.out.split()

    return ask


def as_bash_asks(*words):
    """The environment by which bash asks, see `tab`."""
    line = {"COMP_WORDS": "\n".join(["textgen", *words]), "COMP_CWORD": str(len(words))}
    return {"_TEXTGEN_COMPLETE": "complete_bash", **line}


@pytest.fixture
def command(tmp_path):
    """The environment in which `textgen` is a command, as after its installation."""
    script = tmp_path / "bin" / "textgen"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m textgen "$@"\n')
    script.chmod(0o755)
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{script.parent}:{os.environ['PATH']}"}


def test_commands_and_options(tab):
    assert set(tab("")) >= {"train", "sample", "score", "evaluate", "info", "models", "completion"}
    assert tab("sa") == ["sample"]
    assert tab("models", "r") == ["rm", "rename"]
    assert tab("sample", "--temp") == ["--temperature"]
    assert set(tab("train", "--c")) == {"--carry", "--cell", "--clip", "--clip-by", "--checkpoint-minutes", "--config"}
    assert tab("models", "rm", "--y") == ["--yes"]
    assert tab("models", "--l") == ["--level"]


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "--model"],
        ["sample", "--hidden", "many", "-m"],
        ["score", '"a sentence"', "--model"],
        ["evaluate", "-m"],
        ["info"],
        ["models", "rm"],
        ["models", "rm", "one"],
        ["models", "path"],
        ["models", "rename"],
        ["models", "halve"],
    ],
)
def test_names_of_models(tab, stored, words):
    for name in ("one", "other.2", "红楼梦", "$(touch x)", "a b", "*"):
        stored("lines", name)
    assert tab(*words, "") == ["one", "other.2", "红楼梦"], "no name that a shell would read"
    assert tab(*words, "ot") == ["other.2"]


def test_a_new_name_is_not_completed(tab, stored):
    stored("lines", "one")
    assert tab("train", "corpus.txt", "--name", "") == []
    assert tab("models", "rename", "one", "") == []


@pytest.mark.parametrize(("option", "parameter"), [("cell", "train"), ("level", "train"), ("level", "sample")])
def test_fixed_choices(tab, option, parameter):
    expected = {"cell": list(CELLS), "level": ["char", "word"]}[option]
    assert tab(parameter, f"--{option}", "") == expected
    assert tab(parameter, f"--{option}", expected[0]) == [one for one in expected if one.startswith(expected[0])]


def test_every_option_with_fixed_choices_is_completed():
    """Those whose help lists the choices, and nothing that is not there any more."""
    offered, known = set(), set()
    for parameter in completion._parameters(typer.main.get_command(app)):
        key = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
        known.add(key)
        values = completion._VALUES.get(key)
        if values is not None:
            offered.add(key)
            for value in () if values is completion._model_names else values():
                assert value in parameter.help, f"{key}: {value}"
        else:
            assert not any(f"{', '.join(choices)}" in (parameter.help or "") for choices in REGISTRIES), key
    assert offered == set(completion._VALUES) <= known


REGISTRIES = [tuple(values()) for values in completion._VALUES.values() if values is not completion._model_names]


def test_what_was_typed_before_does_nothing(tab):
    assert tab("--version", "mod") == ["models"]
    assert tab("--help", "mod") == ["models"]
    assert tab("sample", "--help", "--gre") == ["--greedy"]
    assert tab("nonsense", "x") == []


def test_nobody_asks(monkeypatch, capsys):
    monkeypatch.delenv("_TEXTGEN_COMPLETE", raising=False)
    completion.complete(app)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("words", [["sample", "--model", ""], ["train", "corpus.txt", "--c"]])
def test_completing_loads_nothing_heavy(stored, words):
    stored("lines", "one")
    program = (
        "import atexit, sys\n"
        "from textgen.cli import main\n"
        "heavy = {'numpy', 'numba', 'safetensors', 'rich', 'pydantic'}\n"
        "atexit.register(lambda: print('loaded', *[name for name in heavy if sys.modules.get(name)]))\n"
        "main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **as_bash_asks(*words)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    *offered, loaded = done.stdout.splitlines()
    assert offered
    assert (loaded, done.stderr) == ("loaded", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_descriptions_are_plain(shell, stored):
    stored("lines", "one")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_TEXTGEN_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "textgen sample --top-",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [sys.executable, "-m", "textgen"], env=environment, capture_output=True, text=True, check=True
    )
    assert "--top-k" in done.stdout
    assert "Draw from the N most probable tokens; 0" in done.stdout
    assert done.stderr == ""


# The shells themselves


def needs(shell):
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}")
    return found


def test_bash(textgen, stored, command):
    stored("lines", "one")
    program = textgen("completion", "bash").out + (
        'try() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); $taken textgen; echo "${COMPREPLY[*]}"; }\n'
        "taken=$(complete -p textgen | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
        "try textgen mod; try textgen info o; try textgen train --level w\n"
    )
    done = subprocess.run([needs("bash"), "-c", program], env=command, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (["models", "one", "word"], "")


def test_fish(textgen, stored, command):
    stored("lines", "one")
    program = (
        textgen("completion", "fish").out + "\ncomplete -C 'textgen info o'\ncomplete -C 'textgen train --level w'"
    )
    done = subprocess.run([needs("fish"), "-c", program], env=command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["one", "word"]


def test_zsh(textgen, stored, command):
    """What it evaluates at Tab; its line editor needs a terminal."""
    stored("lines", "one")
    program = (
        "compdef() { taken=$1 }; _arguments() { print -r -- $* }\n"
        + textgen("completion", "zsh").out
        + "words=(textgen info ''); CURRENT=3; $taken\nwords=(textgen train --level w); CURRENT=4; $taken\n"
    )
    done = subprocess.run([needs("zsh"), "-fc", program], env=command, capture_output=True, text=True, check=True)
    assert '"one"' in done.stdout
    assert '"word"' in done.stdout


def test_bad_input(textgen):
    check(textgen("completion", "tcsh"), 2, "unknown shell 'tcsh'; choose from bash, zsh, fish")
    check(textgen("completion"), 2, "missing argument 'SHELL'; see `textgen completion --help`")


def test_the_help_says_where_each_script_goes(textgen):
    shown = textgen("completion", "--help").out.splitlines()
    for shell, place in (("bash", "~/.bashrc"), ("zsh", "~/.zshrc"), ("fish", "~/.config/fish/completions")):
        assert any(f"textgen completion {shell}" in line and place in line for line in shown), shell
