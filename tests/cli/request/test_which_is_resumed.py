"""`textgen train --resume`: which training is meant, and which texts it is of."""

import os

from tests.cli.conftest import LINES, checkpoints, model_of
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder


def test_without_a_name_the_newest_of_the_text_is_gone_on_with(textgen, train, interrupted, corpus):
    interrupted("--level", "word")
    interrupted("--seed", "2")
    interrupted("--seed", "3")
    interrupted("--name", "other")
    for age, name in enumerate(("cats-char-2", "cats-word", "cats-char", "other")):
        os.utime(models_folder() / f"{name}.checkpoint", (1_700_000_000 - age,) * 2)
    assert "resumed   cats-char-2: " in textgen("train", corpus, "--resume").err
    assert "resumed   cats-word: " in textgen("train", corpus, "--resume", "--level", "word").err
    assert load_model(models_folder() / "cats-char-2.safetensors").history.training["seed"] == 3


def test_a_training_is_found_by_its_text(textgen, interrupted, tmp_path):
    files = [tmp_path / folder / "input.txt" for folder in "abc"]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_text("\n".join(LINES * (2 + number)))
    interrupted(files=files[:1])
    interrupted(files=files[1:2])
    os.utime(models_folder() / "input-char-2.checkpoint", (1_700_000_000,) * 2)
    assert checkpoints() == ["input-char-2.checkpoint", "input-char.checkpoint"]
    done = textgen("train", files[2], "--resume")
    assert (done.code, done.out) == (2, "")
    assert (
        f"no checkpoint of a training on this text in {models_folder()} (input-char, input-char-2: of other" in done.err
    )
    renamed = files[0].rename(tmp_path / "renamed.txt")
    for file, name in ((files[1], "input-char-2"), (renamed, "input-char")):
        done = textgen("train", file, "--resume")
        assert done.code == 0
        assert f"resumed   {name}: " in done.err


def test_a_training_without_a_name_comes_before_one_that_was_given_one(textgen, interrupted, corpus):
    """Whoever adds --resume to the command that began a training means that one."""
    interrupted("--name", "other")
    assert "resumed   other: " in textgen("train", corpus, "--resume").err
    interrupted()
    os.utime(models_folder() / "cats-char.checkpoint", (1_700_000_000,) * 2)
    assert "resumed   cats-char: " in textgen("train", corpus, "--resume").err


def test_a_text_from_standard_input_is_found_by_name(textgen, interrupted, corpus):
    """It cannot be read twice."""
    interrupted()
    interrupted(files=["-"], stdin=corpus.read_bytes())
    os.utime(models_folder() / "stdin-char.checkpoint", (1_700_000_000,) * 2)
    done = textgen("train", "-", "--resume", stdin=corpus.read_bytes())
    assert done.code == 0
    assert "resumed   stdin-char: " in done.err


def test_standard_input_is_not_remembered_as_a_file(textgen, train, interrupted, corpus, tmp_path):
    text = b"the cat ran.\n"
    done = interrupted("--valid", "-", stdin=text)
    assert done.err.splitlines()[-1].endswith("--resume --name cats-char --valid -")
    assert read_checkpoint(models_folder() / "cats-char.checkpoint").origin.valid == "-"
    done = textgen("train", corpus, "--resume")
    assert (done.code, done.out) == (2, "")
    assert "validated on standard input, which cannot be read again; give that text with --valid FILE" in done.err
    (tmp_path / "same.txt").write_bytes(text)
    assert textgen("train", corpus, "--resume", "--valid", tmp_path / "same.txt").code == 0
    train("--valid", tmp_path / "same.txt", "--name", "whole")
    assert model_of("cats-char") == model_of("whole")


def test_the_text_to_validate_on_is_remembered(textgen, train, interrupted, corpus, tmp_path):
    valid = tmp_path / "valid.txt"
    valid.write_text("the cat ran.\n")
    interrupted("--valid", valid)
    train("--valid", valid, "--name", "whole")
    valid.write_text("the hen ran.\n")
    done = textgen("train", corpus, "--resume", "--name", "cats-char")
    assert (done.code, done.out) == (2, "")
    assert "the text that it was validated on has changed" in done.err
    valid.write_text("the cat ran.\n")
    assert textgen("train", corpus, "--resume", "--name", "cats-char").code == 0
    assert model_of("cats-char") == model_of("whole")


def test_where_there_is_no_checkpoint(textgen, corpus, tmp_path):
    done = textgen("train", corpus, "--resume")
    assert (done.code, done.out) == (2, "")
    assert f"there is no checkpoint of a training on this text in {models_folder()}; --name or --output" in done.err
    assert "without --resume one is begun" in done.err
    for where in (("--name", "x"), ("--output", tmp_path / "x.safetensors")):
        done = textgen("train", corpus, "--resume", *where)
        assert (done.code, done.out) == (2, "")
        assert "x.checkpoint: no such checkpoint; without --resume a training is begun" in done.err
    done = textgen("train", corpus, "--resume", "--force")
    assert (done.code, done.out) == (2, "")
    assert "--resume and --force contradict each other" in done.err
