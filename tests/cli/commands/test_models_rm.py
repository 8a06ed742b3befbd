"""`textgen models rm` and `path`: what belongs to a model goes with it, and nothing else is touched."""

import errno
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.commands.store_files import all_of, left, whole
from tests.cli.test_bad_input import check
from textgen.lm.storage.atomic_write import hidden_stem
from textgen.lm.storage.claim import Claim
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder


def test_rm_removes_all_that_belongs_to_the_models_and_nothing_else(textgen, stored):
    for name in ("one", "two", "one-2"):
        whole(stored("lines", name))
    done = textgen("models", "rm", "one", "two.safetensors", "one", "--yes")
    assert (done.code, done.out, done.err) == (0, "", "removed   one\nremoved   two\n")
    assert left() == all_of("one-2")
    assert textgen("models", "rm", "one-2", "--yes", "--quiet").err == ""
    assert left() == []


def test_rm_removes_what_killed_processes_left(textgen, stored):
    path = stored("lines")
    (models_folder() / f"{hidden_stem(path)}0123.tmp").touch()
    assert textgen("models", "rm", "lines", "--yes").code == 0
    assert left() == []


def test_rm_removes_what_is_left_of_a_model(textgen, stored):
    path = stored("lines")
    whole(path)
    path.unlink()
    assert textgen("models", "rm", "lines", "--yes").code == 0
    assert left() == []


def test_rm_removes_a_damaged_model_and_one_of_any_name(textgen, stored):
    stored("lines", "it's *.[x]").write_bytes(b"damaged")
    stored("lines", "kept")
    assert textgen("models", "rm", "it's *.[x]", "--yes").code == 0
    assert left() == ["kept.safetensors"]
    assert textgen("models", "rm", "kept", "--yes").code == 0
    assert left() == []


def test_rm_removes_a_link_and_not_what_it_leads_to(textgen, models):
    models_folder().mkdir(parents=True)
    (models_folder() / "link.safetensors").symlink_to(models["lines"])
    (models_folder() / "lost.safetensors").symlink_to("nowhere")
    assert textgen("models", "rm", "link", "lost", "--yes").code == 0
    assert left() == []
    assert load_model(models["lines"])


def test_rm_takes_the_path_of_a_model_in_the_store(textgen, stored):
    path = stored("lines")
    assert textgen("models", "rm", path, "--yes").code == 0
    assert left() == []


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " yes \n"])
def test_rm_asks_on_a_terminal(at_terminal, stored, answer):
    whole(stored("lines"))
    seat = at_terminal("models", "rm", "lines", streams=("stdin", "stderr"))
    asked = seat.read(until=b"[y/N] ")
    assert "lines: lines.checkpoint, lines.index, lines.safetensors; " in asked
    assert "Remove 1 model for good? [y/N] " in asked
    seat.type(answer.encode())
    assert seat.process.wait() == 0
    assert left() == []


@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"yellow\n", b"\x04", b"\x03"])
def test_any_other_answer_removes_nothing(at_terminal, stored, answer):
    whole(stored("lines"))
    seat = at_terminal("models", "rm", "lines", streams=("stdin", "stderr"), start_new_session=True, preexec_fn=take)
    seat.read(until=b"[y/N] ")
    seat.type(answer)
    while answer == b"\x03" and seat.process.poll() is None:
        with suppress(subprocess.TimeoutExpired):  # Python takes no notice of one just before it begins to read
            seat.process.wait(timeout=5)
            break
        seat.type(answer)
    assert seat.process.wait() == (130 if answer == b"\x03" else 0)
    assert left() == all_of("lines")


def take():
    """Make standard input the terminal of this process's session, so that Ctrl-C comes from it."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_without_a_terminal_rm_wants_yes(textgen, stored):
    stored("lines")
    check(textgen("models", "rm", "lines", stdin="y\n"), 2, "`models rm` asks", "no terminal to ask on; give --yes")
    assert left() == ["lines.safetensors"]


REFUSED = [
    (["absent"], "no model named 'absent'", "`textgen models` lists"),
    (["line"], "no model named 'line'", "did you mean lines?"),
    (["../models/absent"], "../models/absent: no such model file"),
    ([""], "no model named ''"),
    ([".hidden"], "no model named '.hidden'"),
]


@pytest.mark.parametrize(("names", "messages"), [(names, messages) for names, *messages in REFUSED])
def test_a_model_that_is_not_there(textgen, stored, names, messages):
    """Then none of the others is removed, either."""
    whole(stored("lines"))
    check(textgen("models", "rm", "lines", *names, "--yes"), 2, *messages)
    check(textgen("models", "rename", *names, "new"), 2, *messages)
    assert left() == all_of("lines")


def test_a_file_elsewhere_is_the_users_own(textgen, models):
    message = f"{models['lines']} is not in {models_folder()}; only the models there are removed or renamed"
    check(textgen("models", "rm", models["lines"], "--yes"), 2, message)
    check(textgen("models", "rename", models["lines"], "new"), 2, message)
    assert models["lines"].exists()


def test_a_model_that_a_training_is_writing(textgen, stored):
    path, other = stored("lines"), stored("words")
    claim = Claim(path)
    for command in (["rm", "words", "lines", "--yes"], ["rename", "lines", "new"], ["rename", "words", "lines"]):
        done = textgen("models", *command)
        assert (done.code, done.out) == (2, "")
        assert f"{path}" in done.err
    claim.release()
    assert left() == ["lines.safetensors", "words.safetensors"]
    assert other.exists()
    free = Claim(models_folder() / "free.safetensors")
    assert "free.safetensors: another training is writing it" in textgen("models", "rename", "lines", "free").err
    free.release()
    assert textgen("models", "rm", "words", "lines", "--yes").code == 0


def test_a_training_that_runs_keeps_its_model(textgen, begun):
    process = begun("--name", "mine")
    done = textgen("models", "rm", "mine", "--yes")
    assert (done.code, done.out) == (2, "")
    assert f"mine.safetensors: another training is writing it (process {process.pid})" in done.err
    process.terminate()
    assert process.wait() == 143
    assert "mine.checkpoint" in left()
    assert textgen("models", "rm", "mine", "--yes").code == 0
    assert left() == []


def test_a_file_that_cannot_be_removed(textgen, stored, monkeypatch):
    """The model's own file is the last, so it can be tried again by name."""
    path = stored("lines")
    whole(path)
    unlink = Path.unlink

    def refuse(self, missing_ok=False):
        if self.suffix == ".index":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        unlink(self, missing_ok)

    message = f"{path.with_suffix('.index')}: cannot be removed: Read-only file system"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        check(textgen("models", "rm", "lines", "--yes"), 1, message)
    assert left() == ["lines.index", "lines.safetensors"]


def test_path_prints_where_a_model_is(textgen, stored, models):
    path = stored("lines")
    assert textgen("models", "path", "lines").out == f"{path}\n"
    assert textgen("models", "path", models["words"]).out == f"{models['words']}\n"
    check(textgen("models", "path", "absent"), 2, "no model named 'absent'")


@pytest.mark.parametrize("option", [["--json"], ["--level", "char"], ["--quiet"]])
def test_options_of_the_list_are_not_taken_for_others(textgen, stored, option):
    stored("lines")
    check(textgen("models", *option, "rm", "lines", "--yes"), 2, "before 'rm' are of the list only")
    assert left() == ["lines.safetensors"]
