"""Which model a command uses: the one asked for, the environment's, the newest, or one that came with textgen."""

import subprocess
import sys
from pathlib import Path

import pytest

import textgen as textgen_package
from tests.cli.test_bad_input import check
from textgen.lm.storage import store
from textgen.lm.storage.store import models_folder

COMMANDS = (["sample", "-n", "1", "--seed", "1"], ["score", "the cat sat."], ["info"])


def of_model(command, name):
    """The command line that uses the model of that name."""
    return [*command, name] if command == ["info"] else [*command, "-m", name]


def used(done):
    """What the note on standard error says of the model."""
    assert done.code == 0, done.err
    [note] = [line for line in done.err.splitlines() if line.startswith("model ")]
    return note.split(maxsplit=1)[1]


# Models that came with textgen


@pytest.mark.parametrize("command", COMMANDS)
def test_on_a_fresh_install_the_packaged_models_are_used(textgen, packaged, command):
    packaged("word", "char")
    word, char = [*command, "--level", "word"], [*command, "--level", "char"]
    cases = {"english-word": (command, word), "english-char": (char, of_model(command, "english-char"))}
    for name, lines in cases.items():
        for line in lines:
            note = used(textgen(*line))
            assert note.startswith(name)
            assert note.endswith(", which came with textgen")
    assert not models_folder().exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_users_own_models_win(textgen, packaged, stored, command):
    packaged("word", "char")
    stored("lines", "mine")
    assert used(textgen(*command)).split()[0] == "mine"
    assert used(textgen(*command, "--level", "char")).split()[0] == "mine"
    assert used(textgen(*command, "--level", "word")).startswith("english-word")
    stored("lines", "english-word")
    assert "came with textgen" not in used(textgen(*of_model(command, "english-word")))


def test_without_a_packaged_model_of_the_level_there_is_none(textgen, packaged):
    packaged("char")
    assert used(textgen("info")).startswith("english-char")
    check(textgen("info", "--level", "word"), 2, "there is no model of the level word", "`textgen train CORPUS --level")
    check(textgen("info", "english-word"), 2, "no model named 'english-word'", "did you mean english-char?")


def test_a_file_that_is_named_comes_before_a_packaged_model(textgen, packaged, models, tmp_path, monkeypatch):
    packaged("char")
    monkeypatch.chdir(tmp_path)
    Path("english-char.safetensors").write_bytes(models["lines"].read_bytes())
    assert "came with" in used(textgen("info", "english-char"))
    assert "came with" not in used(textgen("info", "english-char.safetensors"))


def test_a_damaged_packaged_model_is_told(textgen, packaged):
    packaged("word", "char")
    path = store.packaged_folder() / "english-word.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    done = textgen("info")
    assert f"{path}: not a model file, or a truncated one" in done.err
    assert used(done).startswith("english-char")
    check(textgen("info", "english-word"), 1, str(path))


def test_models_shows_the_packaged_models_after_the_users_own(textgen, packaged, stored):
    packaged("word", "char")
    stored("lines")
    rows = [line.split("\t") for line in textgen("models").out.splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("lines", "lines.txt"),
        ("english-word", "textgen"),
        ("english-char", "textgen"),
    ]
    records = textgen("models", "--json", "--level", "char").records
    assert [(record["model"], record["packaged"]) for record in records] == [("lines", False), ("english-char", True)]
    assert [record["bits_per_parameter"] for record in records] == [32, 16]
    stored("words", "english-word")
    rows = [line.split("\t") for line in textgen("models").out.splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows if row[0] == "english-word"] == [("english-word", "words.txt")]


@pytest.mark.parametrize("command", [["rm", "english-word", "--yes"], ["rename", "english-word", "mine"]])
def test_a_packaged_model_stays(textgen, packaged, stored, command):
    packaged("word")
    stored("lines")
    path = store.packaged_folder() / "english-word.safetensors"
    before = path.read_bytes()
    check(textgen("models", *command), 2, "'english-word' came with textgen; it can be neither removed nor renamed")
    check(textgen("models", command[0], path, *command[2:]), 2, "'english-word' came with textgen")
    assert path.read_bytes() == before
    assert textgen("models", "path", "english-word").out == f"{path}\n"


def test_a_model_of_ones_own_may_have_a_packaged_ones_name(textgen, packaged, train):
    packaged("char")
    path = store.packaged_folder() / "english-char.safetensors"
    before = path.read_bytes()
    assert train("--name", "english-char").code == 0
    assert used(textgen("info", "english-char")) == "english-char"
    assert used(textgen("info", path)) == f"{path}, which came with textgen"
    assert textgen("models", "rm", "english-char", "--yes").code == 0
    assert used(textgen("info", "english-char")) == "english-char, which came with textgen"
    assert path.read_bytes() == before


def test_the_packages_folder_stands_in_the_package():
    """In a process of its own: here it is another one."""
    program = "from textgen.lm.storage import store; print(store.packaged_folder())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == Path(textgen_package.__file__).parent / "models"


# The environment's model


@pytest.mark.parametrize("command", COMMANDS)
def test_the_environment_names_the_default(textgen, stored, monkeypatch, command):
    stored("words", "old")
    stored("lines", "new")
    monkeypatch.setenv("TEXTGEN_MODEL", "old")
    note = used(textgen(*command))
    assert note.split()[0].rstrip(",") == "old"
    assert note.endswith(", named by TEXTGEN_MODEL")
    assert used(textgen(*command, "--level", "word")) == note
    asked = used(textgen(*of_model(command, "new")))
    assert asked.split()[0] == "new"
    assert "TEXTGEN_MODEL" not in asked
    monkeypatch.setenv("TEXTGEN_MODEL", "")
    assert used(textgen(*command)) == asked, "an empty one is none"


def test_the_environment_may_name_a_file_or_a_packaged_model(textgen, models, packaged, stored, monkeypatch):
    packaged("char")
    stored("words")
    monkeypatch.setenv("TEXTGEN_MODEL", str(models["lines"]))
    assert used(textgen("info")) == f"{models['lines']}, named by TEXTGEN_MODEL"
    monkeypatch.setenv("TEXTGEN_MODEL", "english-char")
    assert used(textgen("info")) == "english-char, named by TEXTGEN_MODEL, which came with textgen"
    assert used(textgen("info", "words")) == "words"


@pytest.mark.parametrize("command", [*COMMANDS, ["evaluate", __file__]])
def test_a_bad_value_in_the_environment(textgen, stored, monkeypatch, command):
    path = stored("lines")
    stored("words")
    monkeypatch.setenv("TEXTGEN_MODEL", "absent")
    check(textgen(*command), 2, "TEXTGEN_MODEL: no model named 'absent' in", "(--model comes before it)")
    monkeypatch.setenv("TEXTGEN_MODEL", "sub/absent")
    check(textgen(*command), 2, "TEXTGEN_MODEL: sub/absent: no such model file")
    monkeypatch.setenv("TEXTGEN_MODEL", "lines")
    check(textgen(*command, "--level", "word"), 2, "TEXTGEN_MODEL: the model 'lines' is of the level char, not word")
    path.write_bytes(b"damaged")
    check(textgen(*command), 1, f"TEXTGEN_MODEL: {path}: not a model file")


def test_the_help_names_the_variable(textgen):
    for command in ("sample", "score", "evaluate", "info"):
        assert "TEXTGEN_MODEL" in textgen(command, "--help").out
