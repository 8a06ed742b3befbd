"""The store: names to files, files to names."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from textgen.errors import ModelFileError, NoSuchModelError
from textgen.lm.config.text import TextConfig
from textgen.lm.storage import safetensors_file, store
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import load_model, read_summary, save_model
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


def found(name, level=None, warn=pytest.fail, read=read_summary):
    """The file that is found, with no warning unless one is waited for."""
    path, model = find_model(name, level, read, warn)
    assert level in (None, model.level)
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
        found(None)
    with pytest.raises(NoSuchModelError, match=r"no model of the level word .*`textgen train CORPUS --level word`"):
        found(None, "word")
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
    assert found(None) == char
    assert found(None, "char") == char
    assert found(None, "word") == word


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def spoil_the_history(path):
    path.write_bytes(path.read_bytes().replace(b'\\"validations\\": []', b'\\"validations\\": {}'))


def spoil_the_weights(path):
    path.write_bytes(path.read_bytes()[:-4] + np.array([np.nan], "<f4").tobytes())


@pytest.mark.parametrize("level", [None, "char"])
@pytest.mark.parametrize("damage", [truncate, spoil_the_history, spoil_the_weights])
def test_a_damaged_newest_model_is_passed_over_with_a_warning(folder, level, damage):
    sound, broken = put(folder / "sound.safetensors", age=60), put(folder / "broken.safetensors")
    damage(broken)
    os.utime(broken, (1_700_000_000,) * 2)
    warnings: list[str] = []
    assert found(None, level, warnings.append, load_model) == sound
    [warning] = warnings
    assert warning.startswith(f"{broken}: ")
    assert warning.endswith("; it is passed over")
    for name in ("broken", str(broken)):
        with pytest.raises(ModelFileError):
            found(name, level, read=load_model)


def test_a_newest_model_that_may_not_be_read_is_passed_over(folder, monkeypatch):
    """Whoever runs the tests: root may read everything."""
    sound, secret = put(folder / "sound.safetensors", age=60), put(folder / "secret.safetensors")

    def refuse(path, **options):
        if path == secret:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return safe_open(path, **options)

    monkeypatch.setattr(safetensors_file, "safe_open", refuse)
    warnings: list[str] = []
    assert found(None, None, warnings.append) == sound
    assert "secret.safetensors: cannot be read: Permission denied" in warnings[0]


def test_a_model_that_goes_while_the_store_is_read(folder, monkeypatch):
    sound, gone = put(folder / "sound.safetensors", age=60), put(folder / "gone.safetensors")
    monkeypatch.setattr(store, "list_models", lambda: [gone, sound])
    gone.unlink()
    warnings: list[str] = []
    assert found(None, None, warnings.append) == sound
    assert len(warnings) == 1


def test_a_store_of_damaged_models_alone(folder):
    truncate(put(folder / "broken.safetensors"))
    warnings: list[str] = []
    with pytest.raises(NoSuchModelError, match="there is no model in"):
        found(None, None, warnings.append)
    assert len(warnings) == 1


def test_a_model_is_found_by_name_or_path(folder, tmp_path, monkeypatch):
    stored, other = put(folder / "tang.safetensors"), put(tmp_path / "other.safetensors")
    assert found("tang") == stored
    assert found("tang.safetensors") == stored
    assert found(str(stored)) == stored
    assert found(str(other)) == other
    monkeypatch.chdir(tmp_path)
    assert found("other.safetensors") == Path("other.safetensors")
    renamed = tmp_path / "renamed"
    other.rename(renamed)
    assert found("renamed") == Path("renamed")


def test_the_store_comes_before_a_file_of_the_same_name(folder, tmp_path, monkeypatch):
    stored = put(folder / "tang.safetensors")
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "tang")
    assert found("tang") == stored
    assert found("./tang") == Path("tang")


def test_a_name_that_is_not_there(folder):
    put(folder / "shakespeare-char.safetensors")
    with pytest.raises(NoSuchModelError, match="did you mean shakespeare-char"):
        found("shakespeare")
    with pytest.raises(NoSuchModelError, match="`textgen models` lists"):
        found("pride-word")


@pytest.mark.parametrize("name", ["sub/absent", "absent.safetensors", "./absent"])
def test_a_path_that_is_not_there(name):
    with pytest.raises(NoSuchModelError, match="no such model file"):
        found(name)


def test_a_named_model_of_another_level(folder):
    put(folder / "tang.safetensors", "char")
    assert found("tang", "char")
    with pytest.raises(NoSuchModelError, match="'tang' is of the level char, not word"):
        found("tang", "word")


def test_what_a_model_is_called(folder, tmp_path):
    assert name_of(put(folder / "tang.safetensors")) == "tang"
    elsewhere = put(tmp_path / "tang.safetensors")
    assert name_of(elsewhere) == str(elsewhere)
