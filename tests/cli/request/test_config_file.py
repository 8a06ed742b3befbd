"""Options from a TOML file: what may stand in it, and who wins."""

import os
from dataclasses import asdict, replace
from typing import Any

import pytest

from textgen.cli.request.config_file import format_config, read_config
from textgen.cli.request.request import merge, pick
from textgen.errors import ConfigError, NoSuchInputError
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.store import models_folder
from textgen.nn.config import NetworkConfig


@pytest.fixture
def file(tmp_path):
    """A function that writes a configuration file."""

    def write(text):
        path = tmp_path / "settings.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_flat_keys_and_sections(file):
    flat = 'hidden = 32\nmax-vocab = 100\nclip_by = "value"\nlr = 1\ncarry = true\ntime = "10m"\n'
    parted = '[network]\nhidden = 32\n[text]\nmax_vocab = 100\ncarry = true\n[training]\nclip-by = "value"\nlr = 1\n'
    expected = {"hidden": 32, "max_vocab": 100, "clip_by": "value", "lr": 1, "carry": True, "time": "10m"}
    assert read_config(file(flat)) == expected
    assert read_config(file(parted + 'time = "10m"')) == expected
    assert read_config(file("")) == {}


REFUSED = {
    "hiden = 3": "unknown setting 'hiden'; did you mean hidden",
    "seconds = 3": "unknown setting 'seconds'; choose from tokenizer, unit, ",
    "[netwrk]\nhidden = 3": "unknown section [netwrk]; did you mean network?",
    "[network.more]\nhidden = 3": "'more'",
    'hidden = "3"': "'hidden' must be a whole number, not '3'",
    "hidden = 2.5": "'hidden' must be a whole number, not 2.5",
    "hidden = true": "'hidden' must be a whole number, not True",
    "lr = true": "'lr' must be a number, not True",
    "carry = 1": "'carry' must be true or false, not 1",
    "cell = 1": "'cell' must be a text in quotes, not 1",
    "time = []": "'time' must be a time such as \"10m\", or a number of seconds, not []",
    "hidden = 3\n[network]\nhidden = 3": "'hidden' is set twice",
    "max-vocab = 3\nmax_vocab = 3": "'max_vocab' is set twice",
    "hidden = ": "not a TOML file: ",
    f"hidden = {10**400}": "'hidden' is no number that can be: an integer of",
    f"lr = {10**400}": "'lr' is no number that can be: an integer of",
    f"hidden = {'1' * 5000}": "not a TOML file: ",
    f"hidden = {'[' * 5000}": "not a TOML file: ",
    "lr = nan": "'lr' is no number that can be: nan",
    'corpus = "a.txt"': "'corpus' must be a list, not 'a.txt'",
    "corpus = [1]": "'corpus' must be a text in quotes, not 1",
    "corpus = []": "'corpus' is empty; give a file's name",
    'corpus = ["a.txt", ""]': "'corpus' is empty; give a file's name",
    'valid = ""': "'valid' is empty; give a file's name",
    "Hidden = 3": "unknown setting 'Hidden'; did you mean hidden",
    "max-vocab = 2020-01-01": "'max-vocab' must be a whole number, not datetime.date(2020, 1, 1)",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_is_refused_naming_the_file(file, text):
    path = file(text)
    with pytest.raises(ConfigError) as refused:
        read_config(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert REFUSED[text] in str(refused.value)


def test_a_file_that_is_no_text_or_not_there(tmp_path):
    with pytest.raises(NoSuchInputError, match="absent"):
        read_config(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b'cell = "\xe9"')
    with pytest.raises(ConfigError, match="not a TOML file"):
        read_config(tmp_path / "latin.toml")


def test_what_is_written_is_read_again(file):
    text = {"unit": 'a "quoted" \\ text,\ttab, \x7f and ä', "carry": False, "min_count": None, "lowercase": True}
    training = {"lr": 1e-05, "clip": 2.5, "seconds": 600.0, "weight_decay": 0.1 + 0.2}
    written = format_config({"text": text, "training": training | {"no_option": (1, 2)}})
    expected = {**text, **training, "time": 600.0}
    del expected["min_count"], expected["seconds"]
    assert read_config(file(written)) == expected


def test_every_setting_can_be_written_and_read(file):
    """Whatever configurations may hold one day."""
    configs = {"text": TextConfig(min_count=2, max_vocab=9), "network": NetworkConfig(hidden=4, layers=1, embedding=0)}
    training = {"seconds": TrainingConfig(seconds=9.0), "steps": TrainingConfig(size="small", steps=3, epochs=None)}
    for length in training.values():
        settled = replace(length, batch=1, bptt=2, lr=0.5, dropout=0.5)
        sections: dict[str, Any] = {**configs, "training": settled}
        read = read_config(file(format_config({name: asdict(config) for name, config in sections.items()})))
        read["seconds"] = read.pop("time", None)
        for config in sections.values():
            assert pick(type(config), read) == config


def test_what_is_printed_trains_the_same_model(corpus, tmp_path, textgen, monkeypatch):
    """With the file alone, from any folder: all that the text decides is in it, and where the text is."""
    options = ["--level", "word", "--min-count", "1", "--epochs", "2", "--hidden", "9", "--threads", "1"]
    monkeypatch.chdir(corpus.parent)
    printed = textgen("train", corpus.name, *options, "--print-config")
    assert printed.code == 0
    assert not models_folder().exists(), "nothing was trained"
    path = tmp_path / "settings.toml"
    path.write_text(printed.out, encoding="utf-8")
    settings = read_config(path)
    assert (settings["hidden"], settings["layers"], settings["tokenizer"], settings["unit"]) == (9, 1, "word", "line")
    assert {"lr", "dropout", "batch", "bptt", "embedding"} <= settings.keys()
    assert textgen("train", corpus, *options, "--name", "one").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert textgen("train", "--config", path, "--name", "two").code == 0
    one, two = ((models_folder() / f"{name}.safetensors") for name in ("one", "two"))
    assert read_summary(one).history.training == read_summary(two).history.training
    assert read_summary(two).history.corpus.files == (str(corpus),)
    assert parameters_of(one) == parameters_of(two)


def parameters_of(path):
    return load_model(path).network.parameters.vector.tobytes()


def test_the_command_line_wins():
    values = {"hidden": 256, "lr": 0.1, "layers": 2}
    merged, given = merge(values, {"lr"}, {"lr": 0.5, "layers": 3})
    assert merged == {"hidden": 256, "lr": 0.1, "layers": 3}
    assert given == {"lr", "layers"}


def test_several_texts_are_kept_in_their_order_with_the_one_to_validate_on(corpus, tmp_path, textgen):
    other, valid = tmp_path / "other.txt", tmp_path / "valid.txt"
    for path in (other, valid):
        path.write_text("the cat ran.\n")
    texts = read_config_of(textgen("train", other, corpus, "--valid", valid, "--print-config"), tmp_path)
    assert (texts["corpus"], texts["valid"]) == ([other, corpus], valid)


def read_config_of(done, folder):
    assert done.code == 0, done.err
    (folder / "printed.toml").write_text(done.out, encoding="utf-8")
    return read_config(folder / "printed.toml")


def test_the_text_of_the_command_line_wins(textgen, corpus, tmp_path, file):
    path = file(f'corpus = ["{(tmp_path / "absent.txt").as_posix()}"]\nhidden = 5')
    assert read_config_of(textgen("train", corpus, "--config", path, "--print-config"), tmp_path)["corpus"] == [corpus]
    refused = textgen("train", "--config", path, "--print-config")
    assert (refused.code, refused.out) == (2, "")
    assert "absent.txt: no such file" in refused.err


@pytest.mark.parametrize("config", [False, True])
def test_without_a_text_there_is_nothing_to_train_on(textgen, file, config):
    done = textgen("train", *(["--config", file("hidden = 5")] if config else []))
    assert (done.code, done.out) == (2, "")
    assert done.err == "textgen: there is no text to train on; name a FILE, or with --config a file that names some\n"


def test_standard_input_is_to_be_given_again(textgen, corpus, tmp_path):
    """It is in the file as such, so that it can be."""
    text = corpus.read_bytes()
    done = textgen("train", "-", "--print-config", stdin=text)
    warning = "warning   standard input cannot be read again; give it the same text when --config is used"
    assert done.err.splitlines()[-1] == warning
    assert [str(path) for path in read_config_of(done, tmp_path)["corpus"]] == ["-"]
    assert textgen("train", "--config", tmp_path / "printed.toml", "--print-config", stdin=text).out == done.out
    assert "warning" not in textgen("train", corpus, "--print-config").err


def test_neither_is_a_pipe_read_again(textgen, tmp_path):
    ours, theirs = os.pipe()
    os.write(theirs, b"the cat sat on the mat.\n" * 20)
    os.close(theirs)
    done = textgen("train", f"/dev/fd/{ours}", "--print-config")
    os.close(ours)
    assert done.code == 0
    assert done.err.splitlines()[-1].startswith(f"warning   /dev/fd/{ours} cannot be read again;")


@pytest.mark.parametrize(
    ("asked", "in_file"), [("time", "epochs"), ("steps", "time"), ("level", "tokenizer"), ("tokenizer", "level")]
)
def test_the_command_line_wins_over_alternatives(asked, in_file):
    merged, given = merge({asked: "x", in_file: None}, {asked}, {in_file: "y"})
    assert merged == {asked: "x", in_file: None}
    assert given == {asked}


def test_a_training_by_a_file(train, file, tmp_path):
    valid = tmp_path / "valid.txt"
    valid.write_text("the cat ran.\n", encoding="utf-8")
    path = file(f'hidden = 99\nlevel = "word"\nmin-count = 1\nseed = 7\nsteps = 2\nvalid = "{valid.as_posix()}"\n')
    assert train("--config", path).code == 0
    summary = read_summary(models_folder() / "cats-word.safetensors")
    history = summary.history
    assert (summary.network.hidden, summary.text.min_count) == (8, 1), "--hidden 8 stands on the command line"
    assert (history.training["seed"], history.stopped) == (7, "epochs"), "so does --epochs"
    assert history.corpus.valid_tokens == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hidden = 0", "--hidden must be at least 1 and at most 1,000,000, not 0"),
        ('cell = "gruu"', "unknown --cell 'gruu'; choose from rnn, "),
        ('time = "soon"', "--time cannot be 'soon'; "),
        ("epochs = 2\nsteps = 3", "--epochs and --steps contradict each other"),
        ('level = "word"\ntokenizer = "char"', "--level word and --tokenizer char contradict each other"),
    ],
)
def test_a_value_that_cannot_be_is_refused_naming_the_file(train, file, text, said):
    """Whatever the command line has in its place."""
    path = file(text)
    done = train("--config", path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"textgen: {path}: {said}")


def test_a_wrong_file_is_a_wrong_request(train, file):
    done = train("--config", file("hiden = 3"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"textgen: {file('hiden = 3')}: unknown setting 'hiden'")
