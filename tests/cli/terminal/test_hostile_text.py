"""No text commands a terminal: what comes from outside is shown there with its control characters written out."""

import json
import re
import sys

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.cli.conftest import SMALL, train_once
from textgen.lm.storage.store import models_folder

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals on Windows, and no such file names", allow_module_level=True)

# Clears the screen, paints, sets the title, clears the screen in one C1 byte, reads from right to left, overwrites.
EVIL = "a\x1b[2J\x1b[31m\x1b]0;t\x07\x9b2J\x7f\u202e\u2066\rz"
SHOWN = "a\\x1b[2J\\x1b[31m\\x1b]0;t\\x07\\u009b2J\\u007f\\u202e\\u2066\\rz"
# What Rich draws with: bold and dim, lines erased, the cursor moved up, hidden and shown.
OURS = re.compile(r"\x1b\[(?:0|1|2|1;2)m|\x1b\[2K|\x1b\[1A|\x1b\[\?25[lh]|\r(?=\x1b\[2K|\x1b\[1A)")
HARMFUL = re.compile(r".{,40}[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069].{,40}", re.DOTALL)
WIDE = {"COLUMNS": "300"}  # so that no line is broken


def check(seen, *shown):
    """Nothing in what came to the terminal commands it but our own drawing; `shown` are in it."""
    text = OURS.sub("", seen)
    assert [ascii(found) for found in HARMFUL.findall(text)] == []
    for words in shown or [SHOWN]:
        assert words in text


@pytest.fixture(scope="module")
def evil_model(tmp_path_factory):
    """A model whose vocabulary and metadata hold EVIL, and so does its path."""
    folder = tmp_path_factory.mktemp("evil")
    path = train_once(folder, "evil", (EVIL + "\n") * 20)
    with safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    history = json.loads(metadata["textgen.history"])
    history["created"] = history["stopped"] = EVIL
    history["corpus"].update(files=[EVIL], sha256=EVIL)
    history["training"].update(optimizer=EVIL)
    metadata.update({"textgen.version": EVIL, "textgen.history": json.dumps(history)})
    evil = folder / f"{EVIL}.safetensors"
    save_file(load_file(path), evil, metadata)
    return evil


@pytest.fixture
def run(at_terminal):
    """A function that runs a command at a terminal, and gives its exit code and what came there."""

    def call(*arguments):
        seat = at_terminal(*arguments, env=WIDE)
        seen = seat.read()
        return seat.process.wait(timeout=60), seen

    return call


SCORES = [[], ["--detail", "token"], ["--rank"], ["--json"], ["--base", "2\x85"]]


@pytest.mark.parametrize("options", SCORES, ids=ascii)
def test_score(run, evil_model, options):
    code, seen = run("score", EVIL, "the cat", "--model", evil_model, *options)
    assert code == 0
    check(seen, SHOWN, "\\x1b", "\\u009b")


def test_sample(run, evil_model):
    code, seen = run("sample", "--model", evil_model, "-n", "20", "--seed", "1", "--prompt", EVIL)
    assert code == 0
    check(seen, f"\n  1  {SHOWN}")


@pytest.mark.parametrize("options", [[], ["--length", "1"], ["--json"]], ids=str)
def test_complete(run, evil_model, options):
    """The prompt's end, as much as there is room for, and what follows: of this model nothing but EVIL."""
    for prompt in (EVIL, ""):
        code, seen = run("complete", prompt, "--model", evil_model, "-k", "20", *options)
        assert code == 0
        check(seen, "\\u009b")


def test_evaluate(run, evil_model, tmp_path):
    text = tmp_path / f"{EVIL}.txt"
    text.write_text(EVIL)
    code, seen = run("evaluate", text, "--model", evil_model)
    assert code == 0
    check(seen)
    check(run("evaluate", text, "--model", evil_model, "--json")[1])


def test_info(run, evil_model):
    code, seen = run("info", evil_model)
    assert code == 0
    check(seen, f"{SHOWN}.safetensors (", f"textgen {SHOWN}, format", f"stopped by: {SHOWN}", f"optimizer {SHOWN}")
    check(run("info", evil_model, "--json")[1])


def test_models(run, evil_model, stored):
    stored("lines")
    (models_folder() / evil_model.name).write_bytes(evil_model.read_bytes())
    (models_folder() / f"{EVIL}2.safetensors").write_bytes(b"damaged")
    code, seen = run("models")
    assert code == 0
    check(seen, f"{SHOWN} ", f"{SHOWN}2.safetensors")


def test_train(run, tmp_path):
    corpus = tmp_path / f"{EVIL}.txt"
    corpus.write_text((EVIL + "\n") * 20, newline="")
    output = tmp_path / f"{EVIL}.safetensors"
    code, seen = run("train", corpus, *SMALL, "--epochs", "20", "--lr", "0.1", "--output", output)
    assert code == 0, ascii(seen)
    check(seen, f"{SHOWN}.txt: ", f"{SHOWN}.safetensors\n", "a\\x1b[2J")


ERRORS = [
    ["train", EVIL],
    ["train", __file__, "--cell", EVIL],
    ["train", __file__, "--name", EVIL],
    ["train", __file__, "--output", f"{EVIL}/x"],
    ["train", __file__, "--config", EVIL],
    ["train", __file__, "--hidden", EVIL],
    ["train", __file__, "--time", EVIL],
    ["score", "a", "--model", EVIL],
    ["score", "a", "--base", EVIL],
    ["score", "--file", EVIL],
    ["sample", f"--{EVIL}"],
    ["info", "--plot", EVIL],
    [EVIL],
]


@pytest.mark.parametrize("arguments", ERRORS, ids=lambda arguments: ascii(arguments[:3]))
def test_errors(run, stored, arguments):
    stored("lines")
    code, seen = run(*arguments)
    assert code in (1, 2)
    check(seen, "textgen: ", "\\x")


def test_a_key_and_a_section_of_a_configuration(run, corpus, tmp_path):
    for line in (f"{json.dumps(EVIL)} = 1", f"cell = {json.dumps(EVIL)}", f"[{json.dumps(EVIL)}]\nx = 1"):
        config = tmp_path / "config.toml"
        config.write_text(line.replace("\x7f", "\\u007f"))
        code, seen = run("train", corpus, "--config", config)
        assert code == 2
        check(seen)


def test_a_programming_error(start):
    program = (
        f"from textgen.cli.terminal.streams import prepare_streams\nprepare_streams()\nraise ValueError({EVIL!a})\n"
    )
    _, err = start(program=program).communicate(timeout=60)
    check(err.decode())


def test_into_a_pipe_data_goes_untouched(start, evil_model):
    process = start("sample", "--model", evil_model, "--prompt", EVIL, "--seed", "1")
    out, err = process.communicate(timeout=60)
    assert out.decode().startswith(EVIL)
    check(err.decode())
    process = start("score", EVIL, "--model", evil_model)
    out, err = process.communicate(timeout=60)
    assert out.decode().endswith(f"\t{EVIL}\n".replace("\r", "\\r"))
    check(err.decode())


def test_the_terminal_is_not_asked_by_its_environment(start, evil_model):
    """TERM alone makes no terminal of a pipe."""
    process = start("sample", "--model", evil_model, "--prompt", EVIL, env={"TERM": "xterm", "FORCE_COLOR": "1"})
    out, _ = process.communicate(timeout=60)
    assert out.startswith(EVIL.encode())
