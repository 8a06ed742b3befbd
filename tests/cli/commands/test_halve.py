"""`textgen models halve`: a copy of half the size, and what rounding did."""

import re

import pytest

from tests.cli.commands.test_info_and_models import pairs
from tests.cli.test_bad_input import check
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.store import models_folder


def test_halve_writes_a_copy_and_says_what_rounding_did(textgen, stored, tmp_path):
    path, copy = stored("lines"), tmp_path / "half.safetensors"
    before = path.read_bytes()
    done = textgen("models", "halve", "lines", copy)
    assert (done.code, done.out) == (0, "")
    rounded, saved = done.err.splitlines()
    parameters = read_summary(path).parameters
    found = re.fullmatch(
        rf"rounded   {parameters:,} parameters to 16 bits, none of them changed by more than (\S+)", rounded
    )
    assert found
    assert 0 < float(found[1]) < 0.01
    assert saved == f"saved     {copy}"
    assert path.read_bytes() == before
    assert copy.stat().st_size < 0.75 * path.stat().st_size
    exact, half = load_model(path).network.parameters, load_model(copy).network.parameters
    assert abs(half.vector - exact.vector).max() <= float(found[1]) * 1.1
    assert textgen("models", "halve", path, tmp_path / "again.safetensors", "-q").err == ""
    assert (tmp_path / "again.safetensors").read_bytes() == copy.read_bytes()


def test_info_tells_that_it_is_not_the_exact_model(textgen, stored, tmp_path):
    stored("lines")
    copy = tmp_path / "half.safetensors"
    textgen("models", "halve", "lines", copy)
    exact, half = pairs(textgen("info", "lines")), pairs(textgen("info", copy))
    assert half["network"] == f"{exact['network']}, rounded to 16 bits"
    assert half["held out"] == f"{exact['held out']}, before it was rounded"
    assert half["parameters"] != exact["parameters"]
    [record] = textgen("info", copy, "--json").records
    assert record["bits_per_parameter"] == 16
    assert record["bytes"] == copy.stat().st_size


def test_a_halved_model_samples_and_scores(textgen, stored, tmp_path):
    stored("words")
    copy = tmp_path / "half.safetensors"
    textgen("models", "halve", "words", copy)
    sentence = "the cat sat on the mat."
    [exact], [half] = (
        [float(line.split("\t")[0]) for line in textgen("score", sentence, "-m", model).out.splitlines()[1:2]]
        for model in ("words", copy)
    )
    assert half == pytest.approx(exact, rel=1e-2)
    assert textgen("sample", "-m", copy, "--seed", "1", "-n", "2").out


def test_nothing_is_replaced_unasked(textgen, stored, tmp_path):
    path, other = stored("lines"), tmp_path / "other"
    other.write_bytes(b"precious")
    before = path.read_bytes()
    check(textgen("models", "halve", "lines", other), 2, f"{other} exists already", "--force")
    assert other.read_bytes() == b"precious"
    assert textgen("models", "halve", "lines", other, "--force").code == 0
    assert read_summary(other).bits == 16
    link = tmp_path / "link"
    link.symlink_to(path)
    for itself in (path, link, models_folder() / ".." / "models" / path.name):
        check(textgen("models", "halve", "lines", itself, "--force"), 2, "is the model itself, which has bits that")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["absent", "copy"], 2, "no model named 'absent'"),
        (["lines", "nowhere/copy"], 1, "nowhere/copy: cannot be written: No such file or directory"),
        (["lines", ""], 2, "it is empty; give a file's name"),
        (["lines", "."], 2, "'.' is a folder"),
        (["lines"], 2, "missing argument 'FILE'"),
    ],
)
def test_bad_input(textgen, stored, tmp_path, monkeypatch, arguments, code, message):
    stored("lines")
    monkeypatch.chdir(tmp_path)
    check(textgen("models", "halve", *arguments), code, message)
    assert not (tmp_path / "copy").exists()
