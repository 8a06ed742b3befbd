"""The store: names to files, files to names."""

import os
from pathlib import Path

import pytest

from textgen.errors import ModelFileError, NoSuchModelError
from textgen.lm.config.text import TextConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import save_model
from textgen.lm.storage.store import find_model, list_models, models_folder, name_of
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.vocabulary import Vocabulary


def put(path, level="char", age=0):
    """A small model at `path`, `age` seconds old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = TextConfig(tokenizer=level, unit="line")
    vocabulary = Vocabulary(("<unk>", "<eos>", "a"), (0, 1, 5))
    save_model(LanguageModel.new(text, NetworkConfig(hidden=1, layers=1, embedding=0, tie=False), vocabulary, 1), path)
    os.utime(path, (1_700_000_000 - age,) * 2)
    return path


@pytest.fixture
def folder():
    return models_folder()


def test_the_folder_is_the_users_unless_the_environment_names_one(monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTGEN_HOME", str(tmp_path / "elsewhere"))
    assert models_folder() == tmp_path / "elsewhere" / "models"
    monkeypatch.delenv("TEXTGEN_HOME")
    assert models_folder().parts[-2:] == ("textgen", "models")
    assert tmp_path not in models_folder().parents


def test_an_empty_store(folder):
    assert list_models() == []
    with pytest.raises(NoSuchModelError, match=r"there is no model in .*`textgen train CORPUS` makes one"):
        find_model(None)
    with pytest.raises(NoSuchModelError, match=r"no model of the level word .*`textgen train CORPUS --level word`"):
        find_model(None, "word")
    assert not folder.exists(), "reading makes no folder"


def test_models_are_listed_newest_first(folder):
    old, new = put(folder / "old.safetensors", age=60), put(folder / "new.safetensors")
    (folder / "notes.txt").touch()
    (folder / ".textgen-0123.tmp").touch()
    (folder / "folder.safetensors").mkdir()
    assert list_models() == [new, old]


def test_without_a_name_the_newest_of_the_level_is_found(folder):
    word = put(folder / "w.safetensors", "word", age=60)
    char = put(folder / "c.safetensors", "char", age=0)
    put(folder / "c-old.safetensors", "char", age=90)
    assert find_model(None) == char
    assert find_model(None, "char") == char
    assert find_model(None, "word") == word


def test_a_damaged_file_does_not_hide_the_others(folder):
    sound = put(folder / "sound.safetensors", age=60)
    (folder / "broken.safetensors").write_bytes(b"no model")
    assert find_model(None, "char") == sound
    with pytest.raises(ModelFileError):
        find_model("broken", "char")


def test_a_model_is_found_by_name_or_path(folder, tmp_path, monkeypatch):
    stored, other = put(folder / "tang.safetensors"), put(tmp_path / "other.safetensors")
    assert find_model("tang") == stored
    assert find_model("tang.safetensors") == stored
    assert find_model(str(stored)) == stored
    assert find_model(str(other)) == other
    monkeypatch.chdir(tmp_path)
    assert find_model("other.safetensors") == Path("other.safetensors")
    renamed = tmp_path / "renamed"
    other.rename(renamed)
    assert find_model("renamed") == Path("renamed")


def test_the_store_comes_before_a_file_of_the_same_name(folder, tmp_path, monkeypatch):
    stored = put(folder / "tang.safetensors")
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "tang")
    assert find_model("tang") == stored
    assert find_model("./tang") == Path("tang")


def test_a_name_that_is_not_there(folder):
    put(folder / "shakespeare-char.safetensors")
    with pytest.raises(NoSuchModelError, match="did you mean shakespeare-char"):
        find_model("shakespeare")
    with pytest.raises(NoSuchModelError, match="`textgen models` lists"):
        find_model("pride-word")


@pytest.mark.parametrize("name", ["sub/absent", "absent.safetensors", "./absent"])
def test_a_path_that_is_not_there(name):
    with pytest.raises(NoSuchModelError, match="no such model file"):
        find_model(name)


def test_a_named_model_of_another_level(folder):
    put(folder / "tang.safetensors", "char")
    assert find_model("tang", "char")
    with pytest.raises(NoSuchModelError, match="'tang' is of the level char, not word"):
        find_model("tang", "word")


def test_what_a_model_is_called(folder, tmp_path):
    assert name_of(put(folder / "tang.safetensors")) == "tang"
    elsewhere = put(tmp_path / "tang.safetensors")
    assert name_of(elsewhere) == str(elsewhere)
