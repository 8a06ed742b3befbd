"""What is typed is read as Typer would read it, but without Pydantic, which takes long to load."""

import subprocess
import sys
from typing import Any

import pytest
import typer

from textgen.cli.app import app

LINES = {
    "train": "a.txt b.txt --hidden 64 --lr 0.5 --dropout 0 --time 90s --valid v.txt --no-tie --shuffle --output x/m",
    "sample": "-n 3 --prompt a --temperature 1e-1 --top-p 1 --ban x --ban y --stop z --novel 4 --seed 7 --greedy",
    "complete": "Cats --top 3 --beams 1_0",
    "score": "a b --rank --threads 2",
    "evaluate": "- --model x",
    "info": "x",
}


def values(command, line):
    """What the function of a command is given for a command line."""
    group: Any = typer.main.get_command(app)
    with group.make_context("textgen", []) as parent:
        return group.commands[command].make_context(command, line.split(), parent=parent).params


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("is_long", [True, False])
def test_values_are_those_of_typer(monkeypatch, command, is_long):
    line = LINES[command] if is_long else "" if command == "sample" else "x"
    ours = values(command, line)
    monkeypatch.setattr("textgen.cli.help.with_readers", lambda parameters: parameters)
    theirs = values(command, line)
    assert ours == theirs
    assert [*map(type, ours.values())] == [*map(type, theirs.values())]


@pytest.mark.parametrize("arguments", [["sample", "-n", "2", "-m", "no-such"], ["score", "a", "b", "-m", "no-such"]])
def test_pydantic_is_not_loaded(arguments, tmp_path):
    program = (
        "import sys\n"
        "from textgen.cli.boundary import run\n"
        f"code = run({arguments})\n"
        "sys.exit('loaded' if 'pydantic' in sys.modules else code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("textgen: no model named 'no-such'")
