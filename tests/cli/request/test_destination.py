"""Where `textgen train` puts the model."""

import os
import select
import signal
import sys

import pytest

from tests.cli.conftest import SMALL
from textgen.cli.course.progress import PlainProgress
from textgen.lm.progress import pace
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.storage.claim import Claim
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import list_models, models_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes with names and signals are POSIX")


def test_a_second_training_takes_the_next_name(train):
    train()
    done = train()
    assert "cats-char-2" in done.err
    assert sorted(path.stem for path in list_models()) == ["cats-char", "cats-char-2"]


def test_force_replaces_the_model(train):
    train("--name", "mine")
    first = (models_folder() / "mine.safetensors").read_bytes()
    assert train("--name", "mine", "--force", "--seed", "5").code == 0
    assert (models_folder() / "mine.safetensors").read_bytes() != first
    assert len(list_models()) == 1


def test_a_path_of_the_users_own(train, tmp_path):
    path = tmp_path / "my model.safetensors"
    done = train("--output", path)
    assert done.code == 0
    assert load_model(path).level == "char"
    assert f'textgen sample --model "{path}"' in done.err
    assert list_models() == []


def test_a_name_taken_meanwhile_costs_no_work(train, monkeypatch):
    """Another program may write a file of the name while this one trains; the checkpoint is there already."""
    other = models_folder() / "mine.safetensors"
    monkeypatch.setattr(pace, "_REPORT_SECONDS", 0)
    monkeypatch.setattr(PlainProgress, "step", lambda self, report: other.write_bytes(b"another's"))
    done = train("--name", "mine")
    assert done.code == 0
    assert "textgen sample --model mine-2" in done.err
    assert load_model(models_folder() / "mine-2.safetensors")
    assert read_checkpoint(models_folder() / "mine-2.checkpoint").state.stopped == "epochs"
    assert other.read_bytes() == b"another's"
    assert sorted(path.name for path in models_folder().iterdir()) == [
        "mine-2.checkpoint",
        "mine-2.index",
        "mine-2.safetensors",
        "mine.safetensors",
    ]


@posix
def test_a_link_is_followed_and_stays(train, tmp_path):
    target, link = tmp_path / "disk" / "model", tmp_path / "link.safetensors"
    target.parent.mkdir()
    link.symlink_to(target)
    done = train("--output", link)
    assert (done.code, done.out) == (2, "")
    assert f"{link} is a link to {target}, which is not there; choose another name, or give --force" in done.err
    assert not target.exists()
    for options in ((), ("--seed", "5")):  # it is not there at first, then it is replaced
        before = target.read_bytes() if target.exists() else b""
        assert train("--output", link, "--force", *options).code == 0
        assert link.is_symlink()
        assert target.read_bytes() != before
    assert load_model(target).history.training["seed"] == 5
    assert [path.name for path in target.parent.iterdir()] == ["model"]


@posix
def test_a_second_training_of_one_name_is_refused(start, textgen, corpus, tmp_path):
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    first = start("train", corpus, *SMALL, "--time", "1h", "--name", "mine", "--log", log)
    seen = b""
    while b'"event": "checkpoint"' not in seen:
        assert select.select([reader], [], [], 120)[0], "it comes to nothing"
        piece = os.read(reader, 1 << 16)
        assert piece, "it has ended"
        seen += piece
    for options in ((), ("--force",), ("--resume",)):
        done = textgen("train", corpus, "--name", "mine", *options)
        assert (done.code, done.out) == (2, "")
        assert f"mine.safetensors: another training is writing it (process {first.pid}); wait for its end" in done.err
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert first.returncode == 130
    os.close(reader)
    assert textgen("train", corpus, "--name", "mine", "--resume", "--print-config").code == 0
    assert {path.name for path in models_folder().iterdir()} <= {"mine.safetensors", "mine.checkpoint", "mine.index"}


def test_without_a_name_the_second_training_takes_another(train):
    """Though there is no file of the first one yet."""
    models_folder().mkdir(parents=True)
    first = Claim(models_folder() / "cats-char.safetensors")
    done = train()
    first.release()
    assert done.code == 0
    assert "textgen sample --model cats-char-2" in done.err
