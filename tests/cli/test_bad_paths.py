"""Paths that cannot be: empty, too long, a folder's, below a folder that is closed."""

import errno
import os
from pathlib import Path

import pytest

from tests.cli.test_bad_input import check

LONG = "the cat sat on the mat and then it ran off to the wall; " * 6
READ = [
    ["train"],
    ["train", "-", "--valid"],
    ["evaluate"],
    ["score", "--file"],
]
WRITTEN = [["train", "-", "--output"], ["train", "-", "--log"]]
MODELS = [["evaluate", "-", "--model"], ["info"], ["sample", "--model"]]


@pytest.mark.parametrize("command", [*READ, *WRITTEN, ["train", "-", "--config"], ["info", "--plot"]], ids=" ".join)
def test_an_empty_path(textgen, command):
    check(textgen(*command, ""), 2, "it is empty; give a file's name", f"see `textgen {command[0]} --help`")


def test_an_empty_path_in_a_configuration(textgen, corpus, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text("valid = ''")
    check(textgen("train", corpus, "--config", settings), 2, f"{settings}: 'valid' is empty; give a file's name")


@pytest.mark.parametrize("command", WRITTEN, ids=" ".join)
@pytest.mark.parametrize("path", [".", "..", "/", "new/", "new/."])
def test_a_folder_as_an_output(textgen, tmp_path, monkeypatch, command, path):
    monkeypatch.chdir(tmp_path)
    message = f"value for '{command[-1]}': '{path}' is a folder; give a file's name"
    check(textgen(*command, path, stdin="a"), 2, message)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", [LONG, "红" * 90, "x/" * 3000 + "y"], ids=["a sentence", "Chinese", "a path"])
def test_a_path_that_is_too_long(textgen, stored, name):
    stored("lines")
    problem = "the name is longer than a file's can be"
    for command in READ:
        check(textgen(*command, name, stdin="a"), 2, f"{name}: {problem}")
    for command in MODELS:
        check(textgen(*command, name, stdin="a"), 2, f"{name}: {problem}" if "/" in name else "no model named")
    check(textgen("train", "-", "--output", name, stdin="a"), 1, f"{name}: cannot be written: {problem}")
    check(textgen("train", "-", "--log", name, stdin="a"), 1, f"{name}: cannot be written: File name too long")
    check(textgen("train", "-", "--config", name, stdin="a"), 2, f"{name}: cannot be read: File name too long")
    check(textgen("info", "--plot", f"{name}.svg"), 1, f"{name}.svg: cannot be written: File name too long")


def test_a_name_that_is_too_long(textgen, corpus):
    check(textgen("train", corpus, "--name", "红" * 90), 2, "in UTF-8 it has 270 bytes, more than 230")


@pytest.mark.parametrize("command", [*READ, *MODELS, WRITTEN[0]], ids=" ".join)
def test_a_file_below_a_folder_that_may_not_be_read(textgen, stored, tmp_path, monkeypatch, command):
    """The refusal is imitated: permissions do not bind root, who may run the tests."""
    stored("lines")
    path, look = tmp_path / "closed" / "file", Path.stat

    def refuse(self, **options):
        if self.parent == path.parent:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return look(self, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    done = textgen(*command, path, stdin="a")
    check(done, 1 if "--output" in command else 2, f"{path}: ", "you have no permission to look into its folder")


def test_a_link_in_the_store_that_cannot_be_followed(textgen, stored, tmp_path, monkeypatch):
    """It hides no other model."""
    path, look = stored("lines").with_name("closed.safetensors"), Path.stat
    path.symlink_to(tmp_path / "closed" / "file")

    def refuse(self, **options):
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return look(self, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    assert [record["model"] for record in textgen("models", "--json").records] == ["lines"]
