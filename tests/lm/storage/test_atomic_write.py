"""Saving a model: what is there is not lost, and a file is written whole or not at all."""

import errno
import os
import stat
import sys

import pytest

from tests.lm.tiny import random_model
from textgen.errors import ModelExistsError, OutputError
from textgen.lm.storage.model_file import load_model, save_model


@pytest.fixture
def saved(path):
    save_model(random_model(), path)
    return path


def test_an_existing_file_is_not_overwritten_unasked(saved):
    before = saved.read_bytes()
    with pytest.raises(ModelExistsError, match=r"exists already; .*--force"):
        save_model(random_model(seed=4), saved)
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir() if file.name != "home"] == [saved.name]


def test_an_existing_file_is_overwritten_when_asked(saved):
    before = saved.read_bytes()
    save_model(random_model(seed=4), saved, overwrite=True)
    assert saved.read_bytes() != before
    assert load_model(saved).network.parameters.vector.any()


def test_without_links_an_existing_file_is_still_safe(path, monkeypatch):
    """Some file systems have no hard links."""

    def no_links(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    save_model(random_model(), path)
    before = path.read_bytes()
    with pytest.raises(ModelExistsError):
        save_model(random_model(seed=4), path)
    assert path.read_bytes() == before
    assert load_model(path).vocabulary == random_model().vocabulary


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_model_file_has_the_permissions_of_any_new_file(saved):
    ordinary = saved.parent / "ordinary"
    ordinary.touch()
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_or_broken_disk(path, monkeypatch, number, overwrite):
    def fail(_):
        raise OSError(number, os.strerror(number))

    save_model(random_model(), path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    target = path if overwrite else path.with_name("new.safetensors")
    with pytest.raises(OutputError) as caught:
        save_model(random_model(seed=4), target, overwrite=overwrite)
    assert str(caught.value) == f"{target}: cannot be written: {os.strerror(number)}"
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir() if file.name != "home"] == [path.name]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        save_model(random_model(), tmp_path / "absent" / "model.safetensors")
