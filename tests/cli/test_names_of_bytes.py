"""Files whose names are no UTF-8, from the corpus to the model: used like any other, shown escaped.

In processes of their own, since what is written to the screen is what fails.
"""

import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import LINES, SMALL
from textgen.lm.storage.store import models_folder

NAME = os.fsdecode(b"caf\xe9")


@pytest.fixture
def run(start, tmp_path):
    """A function that runs one command line in a folder whose name is no UTF-8; it must do what it is asked."""
    folder = tmp_path / NAME
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system has names of UTF-8 alone")
    for name in ("text", "valid"):
        (folder / f"{name} {NAME}.txt").write_text("\n".join(LINES * 2) + "\n")

    def call(*arguments, code=0):
        process = start(*arguments, cwd=folder)
        out, err = (part.decode() for part in process.communicate(timeout=120))
        assert process.returncode == code, err
        return out, err

    return call


def test_from_the_corpus_to_the_model(run, tmp_path):
    text, valid, model, log = f"text {NAME}.txt", f"valid {NAME}.txt", f"{NAME}.safetensors", f"{NAME}.log"
    asked = ["train", text, "--valid", valid, "--output", model, "--log", log, "--json", *SMALL]
    out, err = run(*asked, "--epochs", "1")
    assert "corpus    text caf\\xe9.txt: " in err
    assert "held out  valid caf\\xe9.txt: " in err
    assert "next      textgen sample --model $'caf\\xe9.safetensors'" in err
    assert json.loads(out.splitlines()[0])["path"] == "caf\\xe9.safetensors"
    out, err = run("train", text, "--output", model, "--resume", "--epochs", "2", "--log", log)
    assert "held out  " in err, "the text to validate on is found again"
    events = [json.loads(line)["event"] for line in (tmp_path / NAME / log).read_text().splitlines()]
    assert (events.count("start"), events.count("finished")) == (2, 2)
    out, err = run("info", model, "--json")
    assert json.loads(out)["history"]["corpus"]["files"] == ["text caf\\xe9.txt"]
    assert json.loads(out)["model"] == "caf\\xe9"
    assert "text caf\\xe9.txt" in run("info", model)[0]
    assert json.loads(run("evaluate", text, "--model", model, "--json")[0])["files"] == ["text caf\\xe9.txt"]
    assert run("train", text, "--output", model, code=2)[1].startswith("textgen: caf\\xe9.safetensors exists already;")


def test_in_the_store(run):
    _, err = run("train", f"text {NAME}.txt", *SMALL, "--epochs", "1")
    assert "textgen sample --model text-caf-char" in err
    os.rename(models_folder() / "text-caf-char.safetensors", models_folder() / f"{NAME}.safetensors")  # noqa: PTH104
    assert run("models")[0].splitlines()[1].startswith("caf\\xe9\t")
    assert json.loads(run("models", "--json")[0].splitlines()[0])["model"] == "caf\\xe9"
    assert "model     caf\\xe9 (char" in run("sample", "--model", NAME)[1]
    assert "did you mean caf\\xe9?" in run("sample", "--model", NAME[:3], code=2)[1]
    assert run("models", "rename", NAME, "new")[1] == "renamed   caf\\xe9 is new now\n"


def test_the_settings_name_the_text(run, tmp_path):
    out, _ = run("train", f"text {NAME}.txt", "--valid", f"valid {NAME}.txt", "--print-config")
    text = tomllib.loads(out)["text"]
    assert text["valid"].endswith("/caf%E9/valid%20caf%E9.txt")
    assert text["corpus"][0].endswith("/caf%E9/text%20caf%E9.txt")
    (tmp_path / "settings.toml").write_text(out)
    assert run("train", "--config", tmp_path / "settings.toml", "--print-config")[0] == out


def test_a_shell_takes_the_words_that_are_printed():
    from textgen.cli.request.resuming import quoted

    bash = Path("/bin/bash")
    if not bash.exists():
        pytest.skip("there is no bash")
    words = ["plain", "two words", NAME, f"it's \\x {NAME} $HOME"]
    program = f"{sys.executable} -c 'import sys; print(ascii(sys.argv[1:]))' {' '.join(map(quoted, words))}"
    done = subprocess.run([bash, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{words!a}\n"
    assert shlex.split(quoted("two words")) == ["two words"]
