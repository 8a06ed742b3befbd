"""No damaged, foreign or newer file gets through as a model: each gives one line that says what is wrong."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.lm.storage.small_model import HISTORY, VALIDATION, rewrite
from textgen.errors import ModelFileError, NoSuchModelError
from textgen.lm.storage.history import History
from textgen.lm.storage.model_file import load_model, read_summary

DEEP = json.loads("[" * 900 + "]" * 900)
HUGE = 10**400


def test_no_such_file(tmp_path):
    with pytest.raises(NoSuchModelError, match="no such model file"):
        load_model(tmp_path / "absent.safetensors")
    with pytest.raises(NoSuchModelError, match="a folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("read", [load_model, read_summary])
@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, 1000, -1])
def test_a_truncated_file(saved, read, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(ModelFileError, match=r"model\.safetensors: not a model file, or a truncated one"):
        read(saved)


@pytest.mark.parametrize("read", [load_model, read_summary])
@pytest.mark.parametrize(
    "content", [b"To be, or not to be", b"\x80\x04\x95" * 40, b"\0" * 64, b"PK\x03\x04" + b"x" * 99]
)
def test_a_foreign_file(path, read, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not a model file"):
        read(path)


def test_a_safetensors_file_of_another_program(path):
    save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(ModelFileError, match="not a textgen model"):
        load_model(path)


def test_a_file_of_a_newer_textgen(saved):
    rewrite(saved, metadata={"textgen.format": "4", "textgen.version": "9.1"})
    with pytest.raises(ModelFileError, match=r"newer textgen \(version 9\.1, format 4\).*pip install --upgrade"):
        load_model(saved)


@pytest.mark.parametrize("found", ["", "0", "-1", "1.5", "one", "²", "01", "1" * 5000, "9" * 10])
def test_a_format_that_is_no_number(saved, found):
    rewrite(saved, metadata={"textgen.format": found})
    with pytest.raises(ModelFileError, match="its format is"):
        load_model(saved)


def config_with(part, **changes):
    config: dict[str, dict[str, object]] = {
        "text": {"tokenizer": "char", "unit": "line"},
        "network": {"cell": "lstm", "hidden": 5, "layers": 1, "embedding": 0, "head_layers": 0},
    }
    config[part] = {**config[part], **changes}
    return {"textgen.config": json.dumps(config)}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"textgen.config": None}, "'textgen.config' is missing"),
        ({"textgen.vocabulary": None}, "'textgen.vocabulary' is missing"),
        ({"textgen.history": None}, "'textgen.history' is missing"),
        ({"textgen.config": "{"}, "'textgen.config' is not JSON"),
        ({"textgen.config": "[" * 100_000}, "'textgen.config' is not JSON"),
        ({"textgen.config": "[]"}, "'textgen.config' is not a JSON object"),
        ({"textgen.config": "{}"}, "'text' is missing"),
        ({"textgen.history": "3"}, "'textgen.history' is not a JSON object"),
        (config_with("network", cell="gruu"), "unknown --cell 'gruu'"),
        (config_with("network", hidden=0), "--hidden must be at least 1"),
        (config_with("network", hidden=5.0), "'hidden' must be a whole number, not 5.0"),
        (config_with("network", hidden=True), "'hidden' must be a whole number, not True"),
        (config_with("network", hidden="5"), "'hidden' must be a whole number, not '5'"),
        (config_with("network", cutoffs=3), "'cutoffs' must be a list, not 3"),
        (config_with("network", cutoffs=[2, "3"]), "'cutoffs' must be a whole number, not '3'"),
        (config_with("network", cutoffs=[0, 3]), "cutoffs must rise from 2"),
        (config_with("network", cutoffs=[3, 7]), "a cluster begins with token 7 of 7"),
        (config_with("network", softmax="adaptive"), "its adaptive softmax has no clusters"),
        (config_with("network", softmax="full", cutoffs=[3]), "the full softmax has no cutoffs"),
        (config_with("network", width=3), "unknown setting 'width'"),
        (config_with("network", tie=1), "'tie' must be true or false, not 1"),
        (config_with("network", tie=True, embedding=None), "the size of its tied embedding is not settled"),
        (config_with("network", tie=True), "--tie and --embedding 0 contradict each other"),
        (config_with("text", tokenizer=["char"]), "'tokenizer' must be a text in quotes, not ['char']"),
        (config_with("text", lowercase=1), "'lowercase' must be true or false, not 1"),
        (config_with("text", unit="auto"), "unit of its corpus is not settled"),
        (config_with("text", min_count=HUGE), "'min_count' is no number that can be: an integer of"),
        (config_with("network", layers=None), "'layers' must be a whole number, not None"),
        ({"textgen.config": '{"text": {}, "network": {}}'}, "'hidden' must be a whole number, not None"),
        ({"textgen.vocabulary": "["}, "'textgen.vocabulary' is not JSON"),
        ({"textgen.vocabulary": "[" * 3000}, "'textgen.vocabulary' is not JSON"),
        ({"textgen.vocabulary": "[1]"}, "'textgen.vocabulary' is not a JSON object"),
        ({"textgen.vocabulary": '{"tokens": []}'}, "'counts' is missing"),
        ({"textgen.vocabulary": '{"tokens": "ab", "counts": []}'}, "'tokens' must be a list, not 'ab'"),
        ({"textgen.vocabulary": '{"tokens": [3], "counts": []}'}, "'tokens' must be a text in quotes, not 3"),
        ({"textgen.vocabulary": '{"tokens": [], "counts": [true]}'}, "'counts' must be a whole number, not True"),
        ({"textgen.vocabulary": '{"tokens": [], "counts": [0.5]}'}, "'counts' must be a whole number, not 0.5"),
        ({"textgen.vocabulary": '{"tokens": [], "counts": [], "more": 1}'}, "unknown setting 'more'"),
        ({"textgen.vocabulary": '{"tokens": ["<unk>", "<eos>", "a", "a"], "counts": [0, 0, 1, 1]}'}, "'a' 2 times"),
    ],
)
def test_damaged_metadata(saved, metadata, message):
    rewrite(saved, metadata=metadata)
    for read in (load_model, read_summary):
        with pytest.raises(ModelFileError, match="damaged model file") as caught:
            read(saved)
        assert message in str(caught.value)
        assert str(saved) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "'corpus' must be an object, not []"),
        ({"corpus": "text"}, "'corpus' must be an object, not 'text'"),
        ({"training": [1]}, "'training' must be an object, not [1]"),
        ({"training": {"lr": [1]}}, "'lr' must be"),
        ({"training": {"seconds": "ten"}}, "'seconds' must be a number or null, not 'ten'"),
        ({"training": {"clip": HUGE}}, "'clip' is no number that can be: an integer of"),
        ({"training": {"seed": None}}, "'seed' must be a whole number, not None"),
        ({"training": {"an option of later": DEEP}}, "'an option of later' must be"),
        ({"corpus": {"characters": "many"}}, "'characters' must be a whole number, not 'many'"),
        ({"corpus": {"train_tokens": [3]}}, "'train_tokens' must be a whole number, not [3]"),
        ({"corpus": {"valid_tokens": None}}, "'valid_tokens' must be a whole number, not None"),
        ({"corpus": {"files": True}}, "'files' must be a list, not True"),
        ({"corpus": {"files": [1]}}, "'files' must be a text in quotes, not 1"),
        ({"corpus": {"sha256": DEEP}}, "'sha256' must be a text in quotes, not [[[["),
        ({"corpus": {"sha256": "\ud800"}}, "'sha256' is not Unicode text"),
        ({"validations": {}}, "'validations' must be a list, not {}"),
        ({"validations": [3]}, "'validations' must be an object, not 3"),
        ({"validations": [{"epoch": 1}]}, "'step' is missing"),
        ({"validations": [asdict(VALIDATION) | {"perplexity": "low"}]}, "'perplexity' must be a number or null"),
        ({"validations": [asdict(VALIDATION) | {"tokens": HUGE}]}, "'tokens' is no number that can be: an integer of"),
        ({"validations": [asdict(VALIDATION) | {"tokens": -1}]}, "'tokens' must not be negative"),
        (
            {"validations": [asdict(VALIDATION) | {"valid_loss": HUGE}]},
            "'valid_loss' is no number that can be: an integer of",
        ),
        ({"validations": [asdict(VALIDATION) | {"valid_loss": math.inf}]}, "'valid_loss' is no number that can be"),
        ({"validations": [asdict(VALIDATION) | {"seconds": None}]}, "'seconds' must be a number, not None"),
        ({"validations": DEEP}, "'validations' must be an object, not [[[["),
        ({"tokens": "many"}, "'tokens' must be a whole number or null"),
        ({"created": 2026}, "'created' must be a text in quotes, not 2026"),
    ],
)
def test_a_damaged_history(saved, changes, message):
    rewrite(saved, metadata={"textgen.history": json.dumps({**HISTORY.as_record(), **changes})})
    for read in (load_model, read_summary):
        with pytest.raises(ModelFileError, match=r"damaged model file: 'textgen\.history': ") as caught:
            read(saved)
        assert message in str(caught.value)
        assert len(str(caught.value)) < 500


def test_a_history_of_another_version(saved):
    """It may have names that we do not know, and lack those that we do."""
    later = {**HISTORY.as_record(), "mood": "good", "training": {"lr": 1, "spin": 0.5}}
    later["validations"] = [asdict(VALIDATION) | {"accuracy": 0.5}]
    rewrite(saved, metadata={"textgen.history": json.dumps(later)})
    found = read_summary(saved).history
    assert found == replace(HISTORY, training={"lr": 1.0, "spin": 0.5}, validations=(VALIDATION,))
    rewrite(saved, metadata={"textgen.history": "{}"})
    assert read_summary(saved).history == History()


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (config_with("network", hidden=6), "'layer0.input' have the shape (7, 20), not (7, 24)"),
        (config_with("network", hidden=10**6), "'layer0.input' have the shape"),
        (config_with("network", layers=1000), "5 weights are too few for 1000 layers"),
        (config_with("network", layers=2), "'layer1.input' are missing"),
        (config_with("network", cell="rnn"), "'layer0.input' have the shape (7, 20), not (7, 5)"),
        (config_with("network", embedding=3), "'embedding' are missing"),
        (config_with("network", cutoffs=[3, 5]), "'output.weight' have the shape (5, 7), not (5, 9)"),
        (config_with("network", tie=True, embedding=5), "'embedding' are missing"),
        ({"textgen.vocabulary": '{"tokens": ["<unk>", "<eos>"], "counts": [0, 0]}'}, "not (2, 20)"),
    ],
)
def test_a_configuration_that_does_not_fit_the_weights(saved, metadata, message):
    """Also where it asks for more memory than there is: it is found out before anything is allocated."""
    rewrite(saved, metadata=metadata)
    with pytest.raises(ModelFileError, match="damaged model file") as caught:
        load_model(saved)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"output.bias": None}, "'output.bias' are missing"),
        ({"output.bias": np.zeros(8, np.float32)}, "'output.bias' have the shape (8,), not (7,)"),
        ({"output.bias": np.zeros((7, 1), np.float32)}, "'output.bias' have the shape (7, 1), not (7,)"),
        ({"output.bias": np.zeros(7, np.float64)}, "'output.bias' is F64, not F32"),
        ({"output.bias": np.zeros(7, np.int32)}, "'output.bias' is I32, not F32"),
        ({"extra": np.zeros(7, np.float32)}, "unknown weights 'extra'"),
        ({"output.bias": np.array([0, 0, np.nan, 0, 0, 0, 0], np.float32)}, "'output.bias' hold numbers that are not"),
        ({"output.bias": np.array([0, 0, 0, 0, 0, 0, -np.inf], np.float32)}, "'output.bias' hold numbers that are not"),
    ],
)
def test_damaged_weights(saved, tensors, message):
    rewrite(saved, tensors=tensors)
    with pytest.raises(ModelFileError) as caught:
        load_model(saved)
    assert message in str(caught.value)
