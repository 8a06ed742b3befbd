"""`textgen info` and `textgen models`: what a file holds, and what the store holds."""

import hashlib
import json
import re
from dataclasses import asdict
from datetime import datetime

import pytest

from tests.cli.conftest import LINES
from tests.cli.test_terminal import CODES
from tests.lm.storage import headers
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.store import models_folder
from textgen.nn.config import NetworkConfig


def change_history(path, old, new):
    header, arrays = headers.split(path.read_bytes())
    metadata = header["__metadata__"]
    assert old in metadata["textgen.history"]
    metadata["textgen.history"] = metadata["textgen.history"].replace(old, new, 1)
    path.write_bytes(headers.join(json.dumps(header), arrays))


def pairs(done):
    return dict(line.split("\t") for line in done.out.splitlines())


def test_info_shows_what_the_file_holds(textgen, stored):
    path = stored("lines")
    done = textgen("info")
    shown, summary = pairs(done), read_summary(path)
    assert shown["file"].startswith(str(path))
    assert shown["level"] == "char"
    assert shown["text"] == "char tokenizer, a sequence is a line"
    assert shown["network"] == f"lstm, 8 units; {summary.parameters:,} parameters"
    assert shown["vocabulary"].startswith(f"{len(summary.vocabulary)} tokens: ' ' t ")
    assert shown["SHA-256"] == summary.history.corpus.sha256
    assert shown["corpus"].endswith("lines.txt")
    assert re.fullmatch(
        r"\d\.\d{3} bits per character, perplexity \S+, \d\.\d{4} nats per token, epoch \d", shown["held out"]
    )
    assert shown["training"] == (
        "3 epochs, optimizer adam, lr 0.003, batch 4, bptt 16, clip 1.0, clip-by norm, dropout 0.0, seed 1"
    )
    assert done.err == "model     lines\n"


@pytest.mark.parametrize(("length", "shown"), [("--steps", "1 step, "), ("--time", "0:01, ")])
def test_info_tells_what_was_done_against_learning_by_heart(textgen, train, length, shown):
    options = [
        "--dropout",
        "0.5",
        "--dropout-kind",
        "standard",
        "--word-dropout",
        "0.1",
        "--weight-decay",
        "0.01",
        "--average",
    ]
    done = train("--tie", "--embedding", "4", *options, length=(length, "1"))
    assert "dropout 0.5, of the input's tokens 0.1, learning rate 0.003, parameters averaged\n" in done.err
    told = pairs(textgen("info"))
    assert "tied embedding 4" in told["network"]
    assert told["training"].startswith(f"{shown}optimizer adam, ")
    assert told["training"].endswith(
        ", dropout 0.5, dropout-kind standard, word-dropout 0.1, weight-decay 0.01, parameters averaged, seed 1"
    )


def test_info_says_of_the_held_out_part_what_the_training_said(textgen, train):
    said = train().err.splitlines()
    *_, figures = (line.removeprefix("held out").strip() for line in said if line.startswith("held out"))
    held_out = pairs(textgen("info"))["held out"]
    assert re.sub(r" \d+\.\d+ nats per token,", "", held_out) == figures


def test_into_a_pipe_info_draws_nothing(textgen, stored):
    """Each line is a label and a value; the records of the curve are in --json."""
    stored("lines")
    assert all(line.count("\t") == 1 for line in textgen("info").out.splitlines())


def test_info_by_name_path_and_level(textgen, stored, models):
    stored("words")
    stored("lines")
    assert textgen("info", "words", "--json").records[0]["level"] == "word"
    assert textgen("info", "--level", "word", "--json").records[0]["level"] == "word"
    assert textgen("info", models["words"], "--json").records[0]["path"] == str(models["words"])


@pytest.mark.parametrize("old", ['"perplexity": ', '"corpus": ', '"files": ', '"tokens": ', '"valid_loss": '])
@pytest.mark.parametrize("new", ['"text", "x": ', f'{10**400}, "x": ', f'{"[" * 900 + "]" * 900}, "x": '])
def test_a_bad_history_ends_no_list_and_hides_no_other(textgen, stored, old, new):
    stored("words")
    bad = stored("lines", "tang")
    change_history(bad, old, old + new)
    for options in ([], ["--json"]):
        done = textgen("models", *options)
        assert done.code == 0
        assert [line for line in done.out.splitlines() if "tang" in line] == []
        assert "words" in done.out
        assert done.err.startswith(f"damaged   {bad}: damaged model file: 'textgen.history': '{old[1:-3]}' ")
    assert textgen("info", "tang").code == 1


def test_info_as_json(textgen, stored):
    path = stored("lines")
    [record] = textgen("info", "--json").records
    summary = read_summary(path)
    settled = NetworkConfig("lstm", 8, 1, embedding=0, tie=False, softmax="full")
    assert record["network"] == json.loads(json.dumps(asdict(settled)))
    assert record["parameters"] == summary.parameters
    assert record["vocabulary_size"] == len(set("".join(LINES))) + 2
    assert record["history"] == json.loads(json.dumps(summary.history.as_record()))
    assert record["best"] in record["history"]["validations"]


def test_models_lists_the_store_newest_first(textgen, stored):
    stored("words", "old")
    stored("lines", "new")
    done = textgen("models")
    heading, *lines = [line.split("\t") for line in done.out.splitlines()]
    assert heading == ["model", "level", "network", "bytes", "bits_per_character", "created", "from"]
    assert [line[:3] for line in lines] == [["new", "char", "lstm 1 x 8"], ["old", "word", "lstm 1 x 8"]]
    records = textgen("models", "--json").records
    assert [record["model"] for record in records] == ["new", "old"]
    for line, record in zip(lines, records, strict=True):
        assert line[3:6] == [str(record["bytes"]), f"{record['bits_per_character']:.3f}", record["created"]]
        assert record["bytes"] == (models_folder() / f"{record['model']}.safetensors").stat().st_size
        assert record["bits_per_character"] == record["best"]["bits_per_character"]
        assert record["created"] == datetime.fromisoformat(record["created"]).isoformat()
        assert record["packaged"] is False
    assert [line[6] for line in lines] == ["lines.txt", "words.txt"]
    assert [record["model"] for record in textgen("models", "--json", "--level", "word").records] == ["old"]


def test_models_on_a_terminal_of_80_columns(at_terminal, stored):
    path = stored("words", "shakespeare-char")
    change_history(path, "words.txt", "shakespeare.txt")
    change_history(path, '"created": "', '"created": "2020-01-01T00:00:00+00:00", "x": "')
    shown = CODES.sub("", at_terminal("models", env={"COLUMNS": "80"}).read())
    assert re.match(  # behind it stand those that come with textgen
        r" +bits/ +\n"
        r"model +level +network +size +char +age +from +\n"
        r"shakespeare-char +word +lstm 1 x 8 +\d\.\d kB +\d\.\d{3} +\d+ years +shakespeare\.txt *\n",
        shown,
    )
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("created", ["", "soon", "9" * 30])
def test_a_model_that_does_not_tell_its_age(at_terminal, stored, created):
    change_history(stored("lines"), '"created": "', f'"created": "{created}", "x": "')
    [line] = [line for line in at_terminal("models").read().splitlines() if line.startswith("lines ")]
    assert CODES.sub("", line).split()[-2:] == ["-", "lines.txt"]


def test_where_a_model_of_several_texts_is_from(textgen, train, corpus, tmp_path):
    more = tmp_path / "dogs.txt"
    more.write_text(corpus.read_text())
    train(files=(corpus, more))
    assert textgen("models").out.splitlines()[1].split("\t")[6] == "cats.txt and 1 more"


def test_the_digest_is_of_the_parameters_alone(textgen, stored, models):
    first, other = stored("lines", "first"), stored("lines", "other")
    change_history(other, "lines.txt", "other.txt")
    assert first.read_bytes() != other.read_bytes()
    digests = {name: textgen("info", name, "--json").records[0]["parameters_sha256"] for name in ("first", "other")}
    assert digests["first"] == digests["other"]
    digest = hashlib.sha256()
    model = load_model(first)
    for name in model.network.parameters.names():
        array = model.network.parameters[name]
        digest.update(f"{name} {array.shape}\n".encode() + array.tobytes())
    assert digests["first"] == digest.hexdigest()
    assert pairs(textgen("info", "first"))["parameters"] == f"SHA-256 {digest.hexdigest()}"
    content = bytearray(other.read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    assert textgen("info", "other", "--json").records[0]["parameters_sha256"] != digests["first"]


def test_an_empty_store_is_no_failure(textgen):
    done = textgen("models")
    assert done.code == 0
    assert f"none in {models_folder()}" in done.err
    assert textgen("models", "--json").out == ""


def test_a_damaged_file_is_told_and_does_not_hide_the_others(textgen, stored):
    stored("lines")
    (models_folder() / "broken.safetensors").write_bytes(b"no model at all")
    done = textgen("models")
    assert done.code == 0
    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["model", "lines"]
    assert "broken.safetensors: not a model file, or a truncated one" in done.err


def test_a_model_that_never_was_validated(textgen, stored, tmp_path):
    tiny = tmp_path / "tiny.txt"
    tiny.write_text("a")
    textgen("train", tiny, "--hidden", "2", "--epochs", "1")
    assert "held out" not in pairs(textgen("info"))
    assert textgen("models").out.splitlines()[1].split("\t")[4] == "-"
    assert textgen("models", "--json").records[0]["bits_per_character"] is None
