"""`textgen models rename`: what belongs to a model comes along, and nothing is replaced."""

import errno
import os

import pytest

from tests.cli.commands.store_files import all_of, left, whole
from tests.cli.test_bad_input import check
from textgen.lm.storage import upkeep
from textgen.lm.storage.atomic_write import move_new
from textgen.lm.storage.store import models_folder


def test_rename_takes_all_that_belongs_to_the_model(textgen, stored):
    path = stored("lines", "old.name")
    before = whole(path)
    when = path.stat().st_mtime_ns
    done = textgen("models", "rename", "old.name", "new")
    assert (done.code, done.out, done.err) == (0, "", "renamed   old.name is new now\n")
    new = models_folder() / "new.safetensors"
    assert {suffix: new.with_suffix(suffix).read_bytes() for suffix in before} == before
    assert left() == all_of("new")
    assert new.stat().st_mtime_ns == when, "which model is the newest stays"
    assert textgen("models", "rename", "new", "newer.safetensors", "-q").err == ""
    assert left() == all_of("newer")


def test_a_training_goes_on_under_its_new_name(textgen, train, corpus):
    train("--name", "old")
    textgen("models", "rename", "old", "new")
    done = train("--name", "new", "--resume", length=("--epochs", "3"))
    assert done.code == 0
    assert left() == ["new.checkpoint", "new.index", "new.safetensors"]


@pytest.mark.parametrize("taken", [".safetensors", ".checkpoint", ".index"])
def test_rename_replaces_nothing(textgen, stored, taken):
    before = whole(stored("lines"))
    other = models_folder() / f"new{taken}"
    other.write_bytes(b"precious")
    check(
        textgen("models", "rename", "lines", "new"),
        2,
        f"{other} exists already; choose another name, or remove it first: `textgen models rm new`",
    )
    assert other.read_bytes() == b"precious"
    assert left() == sorted([*all_of("lines"), other.name])
    path = models_folder() / "lines.safetensors"
    assert {suffix: path.with_suffix(suffix).read_bytes() for suffix in before} == before


def test_rename_names_the_model_that_is_there(textgen, stored):
    whole(stored("lines"))
    whole(stored("lines", "new"))
    path = models_folder() / "new.safetensors"
    check(textgen("models", "rename", "lines", "new"), 2, f"{path} exists already")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_rename_that_fails_leaves_the_old_name(textgen, stored, monkeypatch, number):
    before = whole(stored("lines"))
    moved = []

    def move(old, new):
        moved.append(new)
        if len(moved) == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        old.rename(new)

    monkeypatch.setattr(upkeep, "move_new", move)
    check(textgen("models", "rename", "lines", "new"), 1, "models/new.", "cannot be written: Input/output error")
    assert left() == all_of("lines")
    path = models_folder() / "lines.safetensors"
    assert {suffix: path.with_suffix(suffix).read_bytes() for suffix in before} == before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_that_another_program_makes_meanwhile_is_kept(textgen, stored, monkeypatch, number):
    whole(stored("lines"))
    moved = []

    def move(old, new):
        moved.append(new)
        if len(moved) == number:
            new.write_bytes(b"precious")
        move_new(old, new)

    monkeypatch.setattr(upkeep, "move_new", move)
    assert "exists already" in textgen("models", "rename", "lines", "new").err
    assert moved[-1].read_bytes() == b"precious"
    assert left() == sorted([*all_of("lines"), moved[-1].name])


def test_a_link_is_renamed_as_one(textgen, models):
    models_folder().mkdir(parents=True)
    (models_folder() / "link.safetensors").symlink_to(models["lines"])
    assert textgen("models", "rename", "link", "new").code == 0
    assert left() == ["new.safetensors"]
    assert (models_folder() / "new.safetensors").readlink() == models["lines"]


def test_rename_to_the_same_name(textgen, stored):
    stored("lines")
    done = textgen("models", "rename", "lines", "lines")
    check(done, 2, "lines has that name already")
    assert "remove" not in done.err, "it is the model itself"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a/b", "the new name may hold letters, digits, '.', '_' and '-', not '/'"),
        ("", "the new name cannot be ''"),
        ("con", "the new name cannot be 'con'"),
        (".x", "must begin with a letter or digit"),
        ("x" * 300, "more than 230"),
    ],
)
def test_a_new_name_that_cannot_be(textgen, stored, name, message):
    stored("lines")
    check(textgen("models", "rename", "lines", name), 2, message)
    assert left() == ["lines.safetensors"]
