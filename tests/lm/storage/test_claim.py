"""Where a new model goes: names, paths and links that are free or taken, and two trainings that want one place."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from textgen.errors import ConfigError, ModelBusyError, ModelExistsError, OutputError
from textgen.lm.storage.atomic_write import write_atomically
from textgen.lm.storage.claim import Claim, claim_free, claim_output
from textgen.lm.storage.store import checkpoint_path, derived_path, models_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and signals are POSIX")


@pytest.fixture
def folder():
    return models_folder()


def place(name=None, output=None, corpus="tang", *, force=False):
    """Where a new model would go."""
    claim = claim_output(name, output, Path(corpus), "char", force=force)
    claim.release()
    return claim.path


# Names and paths


def test_a_derived_name_takes_the_next_free_number(folder):
    assert place() == folder / "tang-char.safetensors"
    (folder / "tang-char.safetensors").touch()
    assert place() == folder / "tang-char-2.safetensors"
    (folder / "tang-char-2.checkpoint").touch()
    assert place() == folder / "tang-char-3.safetensors"
    assert place(force=True) == folder / "tang-char.safetensors"


def test_a_given_name_that_is_taken(folder):
    path = place("mine")
    assert path == folder / "mine.safetensors"
    path.touch()
    with pytest.raises(ModelExistsError, match=r"mine\.safetensors exists already; .*--force"):
        place("mine")
    assert place("mine", force=True) == path


def test_a_given_path(tmp_path):
    path = tmp_path / "model.bin"
    assert place(output=path) == path
    path.touch()
    with pytest.raises(ModelExistsError):
        place(output=path)
    assert list(tmp_path.iterdir()) == [path], "nothing is left behind"


def test_name_and_path_contradict(tmp_path):
    with pytest.raises(ConfigError, match="--name and --output contradict"):
        place("mine", tmp_path / "x")


@pytest.mark.parametrize("name", ["a", "Tang-2", "x_y.z", "红楼梦", "9", "mine.safetensors", "x" * 230, "红" * 76])
def test_names_that_every_system_takes(name, folder):
    path = place(name)
    assert path == folder / f"{name.removesuffix('.safetensors')}.safetensors"
    for file in (path, checkpoint_path(path)):
        write_atomically(file, [b"there is room for its name"], overwrite=False)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "a:b", "a*", "a.", "con", "NUL.x", "é\n", "é\udce9"]
)
def test_names_that_some_system_refuses(name):
    with pytest.raises(ConfigError, match="--name"):
        place(name)


@pytest.mark.parametrize(("name", "size"), [("x" * 231, 231), ("红" * 90, 270)])
def test_a_name_is_measured_in_bytes(name, size):
    with pytest.raises(ConfigError, match=f"cannot be '{name[:40]}...': in UTF-8 it has {size} bytes, more than 230"):
        place(name)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("my novel (final)", "my-novel-final-char"),
        ("..", "char"),
        ("", "char"),
        ("-", "stdin-char"),
        ("con.x", "model-con.x-char"),
        ("a:b?c", "a-b-c-char"),
        ("caf\udce9.txt", "caf-char"),
        ("x" * 300, "x" * 230),
        ("红" * 84, "红" * 76),  # 228 bytes: no character is cut in two
    ],
)
def test_a_name_is_derived_from_any_text(stem, name, folder):
    assert derived_path(Path(stem), "char") == folder / f"{name}.safetensors"
    assert place(corpus=stem) == place(name), "what is derived may be given, too"


def test_a_folder_that_is_not_there_is_found_out_before_the_work(tmp_path):
    with pytest.raises(OutputError, match=r"absent/model: cannot be written: No such file or directory"):
        place(output=tmp_path / "absent" / "model")
    assert not (tmp_path / "absent").exists(), "nor is it made"


@pytest.mark.parametrize("path", [".", "", "/", ".."])
def test_a_folder_is_no_model(path, tmp_path):
    with pytest.raises(OutputError, match="it is a folder; give a file's name"):
        place(output=Path(path))
    with pytest.raises(OutputError, match="it is a folder"):
        place(output=tmp_path)


@pytest.mark.parametrize("name", ["x" * 256, "x" * 250, "红" * 86])
def test_a_path_whose_files_cannot_have_their_names(name, tmp_path):
    """The model itself, or (250 bytes) its checkpoint alone."""
    with pytest.raises(OutputError, match="cannot be written: the name is longer than a file's can be"):
        place(output=tmp_path / name)


def test_a_read_only_folder_is_found_out_before_the_work(tmp_path, monkeypatch):
    """By an attempt to write: permissions do not tell of a read-only mount, nor do they bind root."""

    def refuse(self, mode="r", *_, **__):
        assert mode != "r"
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match="cannot be written: Read-only file system"):
        place(output=tmp_path / "model")


def test_a_store_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEXTGEN_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="Not a directory"):
        place("mine")


# Links


@posix
def test_a_link_to_what_is_not_there_is_no_free_place(tmp_path, folder):
    path, target = tmp_path / "model", tmp_path / "disk" / "model"
    path.symlink_to(target)
    with pytest.raises(ModelExistsError, match=r"model is a link to .*disk/model, which is not there; .*--force"):
        place(output=path)
    with pytest.raises(OutputError, match=r"model, a link to .*disk/model: cannot be written: No such file or dir"):
        place(output=path, force=True)
    target.parent.mkdir()
    assert place(output=path, force=True) == path
    folder.mkdir(parents=True)
    (folder / "tang-char.safetensors").symlink_to(target)
    assert place().name == "tang-char-2.safetensors"


@posix
def test_links_that_lead_round_in_a_circle(tmp_path):
    path = tmp_path / "model"
    path.symlink_to(path)
    with pytest.raises(OutputError, match="its links lead round in a circle"):
        place(output=path, force=True)


# Two trainings

HOLDER = """
import sys, time
from pathlib import Path
from textgen.lm.storage.claim import Claim
claim = Claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
claim.release()
"""


@pytest.fixture
def other():
    """A function that has another process claim a path."""
    started = []

    def hold(path):
        command = [sys.executable, "-c", HOLDER, str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_a_place_is_claimed_by_one_process(tmp_path, other):
    path = tmp_path / "m.safetensors"
    process = other(path)
    for same in (path, tmp_path / "m"):  # whose checkpoints are one file
        for force in (False, True):
            with pytest.raises(ModelBusyError, match=rf"another training is writing it \(process {process.pid}\)"):
                place(output=same, force=force)
    process.communicate()
    assert list(tmp_path.iterdir()) == [], "its file is removed"
    assert place(output=path) == path


@posix
def test_a_link_and_its_target_are_one_place(tmp_path, other):
    path, link = tmp_path / "m.safetensors", tmp_path / "link"
    link.symlink_to(path)
    other(path)
    with pytest.raises(ModelBusyError):
        place(output=link, force=True)


@posix
def test_a_claim_dies_with_its_process(tmp_path, other):
    path = tmp_path / "m.safetensors"
    process = other(path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(list(tmp_path.iterdir())) == 1
    assert place(output=path) == path
    assert list(tmp_path.iterdir()) == []


def test_a_free_name_is_claimed_by_nobody_else(folder, other):
    folder.mkdir(parents=True)
    other(folder / "tang-char.safetensors")
    assert place().name == "tang-char-2.safetensors"
    first = claim_free(folder / "x.safetensors")
    second = claim_free(folder / "x.safetensors")
    first.release()
    assert [claim.path.name for claim in (first, second)] == ["x.safetensors", "x-2.safetensors"]
    second.release()


@posix
def test_whoever_opened_the_file_before_it_was_removed_has_no_claim(tmp_path, monkeypatch):
    """Else two would have one: the one on the removed file, the other on the new one."""
    import fcntl

    path, lock, first = tmp_path / "m", fcntl.flock, Claim(tmp_path / "m")

    def late(descriptor, operation):
        monkeypatch.setattr(fcntl, "flock", lock)
        first.release()
        return lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    second = Claim(path)
    with pytest.raises(ModelBusyError):
        Claim(path)
    second.release()


@posix
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks(tmp_path, monkeypatch, number):
    """There two trainings may still meet, as before; but one can train."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    assert place(output=tmp_path / "m") == tmp_path / "m"
    assert list(tmp_path.iterdir()) == []
