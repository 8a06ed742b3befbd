"""Every option that takes a number, with absurd ones: it works, or one line says what is allowed."""

from typing import get_type_hints

import pytest

from tests.cli.conftest import SMALL
from textgen.cli.app import app
from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import list_models
from textgen.lm.writing.sampling import sample

WHOLE = ["-1", str(10**30), str(10**400), "9" * 5000]
REAL = ["-1e300", "5e-324", "1e300", "1e400", "nan"]
ENDLESS = {"--epochs", "--steps", "--time"}
CALLBACKS = [command.callback for command in app.registered_commands if command.callback is not None]
COMMANDS = {callback.__name__: get_type_hints(callback) for callback in CALLBACKS}


def numeric_options(command):
    """The options of a command that take a number, each with its values."""
    kinds = {int: WHOLE, int | None: WHOLE, float: REAL, float | None: REAL}
    found = {name: kinds[kind] for name, kind in COMMANDS[command].items() if kind in kinds}
    found |= {"time": REAL} if command == "train" else {}
    return {f"--{name.replace('_', '-')}": values for name, values in found.items()}


def cases(command):
    return [
        pytest.param(option, value, id=f"{option} {value[:12]}")
        for option, values in numeric_options(command).items()
        for value in values
        if option != "--count" or len(value) not in (31, 401)  # it would write for ever; it is tried below
    ]


def check(done, option, codes):
    assert done.code in codes, done.err
    assert "Traceback" not in done.err
    if done.code == 2:
        last = done.err.splitlines()[-1]
        assert done.out == ""
        assert last.startswith("textgen: ")
        assert option in last or "of memory" in last
        assert len(last) < 250


def test_all_commands_with_numbers_are_tried():
    tried = {"train", "sample", "complete", "repl", "score", "evaluate"}
    assert {name for name in COMMANDS if numeric_options(name)} == tried
    assert len(numeric_options("train")) > 20


@pytest.mark.parametrize(("option", "value"), cases("train"))
def test_training(textgen, corpus, signal_at, option, value):
    """What would take for ever is interrupted; what diverges says so."""
    if option in ENDLESS:
        signal_at(3)
    length = [] if option in ENDLESS else ["--steps", "4"]
    done = textgen("train", corpus, *SMALL, "--shuffle", "--word-dropout", "0.1", *length, option, value)
    check(done, option, {0, 1, 2, 130})
    assert done.code != 1 or "textgen: the training diverged" in done.err
    assert bool(list_models()) == (done.code in (0, 130))


@pytest.mark.parametrize(("option", "value"), cases("sample"))
def test_sampling(textgen, stored, option, value):
    stored("lines")
    check(textgen("sample", "--count", "2", "--max-length", "4", "--seed", "1", option, value), option, {0, 2})


@pytest.mark.parametrize(("option", "value"), cases("repl"))
def test_writing_together(textgen, stored, option, value):
    """A turn that would take for ever is not begun."""
    stored("lines")
    check(textgen("repl", option, value, stdin="/settings\n"), option, {0, 2})


TEXTS_WITH_NUMBERS = [*(("--length", value) for value in WHOLE), *(("--temperature", value) for value in REAL)]


@pytest.mark.parametrize(
    ("option", "value"),
    [*cases("complete"), *(pytest.param(*case, id=f"{case[0]} {case[1][:12]}") for case in TEXTS_WITH_NUMBERS)],
)
def test_completing(textgen, stored, option, value):
    stored("lines")
    length = ["--length", "3"] if option != "--length" else []
    check(textgen("complete", "the", *length, option, value), option, {0, 2})


@pytest.mark.parametrize("count", [2**63, 10**30])
def test_sampling_without_an_end(models, count):
    """The first sequences come at once, however many are asked for, and are the same."""
    model = load_model(models["lines"])
    many = sample(model, SamplingConfig(count=count, max_length=9, seed=10**30))
    few = sample(model, SamplingConfig(count=3, max_length=9, seed=10**30))
    assert [next(many) for _ in range(3)] == list(few)
    with pytest.raises(ConfigError, match="--count must be at least 1 and at most"):
        SamplingConfig(count=10**400)


@pytest.mark.parametrize("top_k", [2**63, 10**30])
def test_a_top_k_beyond_the_vocabulary_is_all(textgen, stored, top_k):
    stored("lines")
    done = textgen("sample", "--seed", "1", "--json", "--top-k", top_k)
    assert done.code == 0
    assert done.records == textgen("sample", "--seed", "1", "--json").records


@pytest.mark.parametrize("command", ["score", "evaluate"])
def test_measuring(textgen, stored, corpus, command):
    stored("lines")
    for option, values in numeric_options(command).items():
        for value in values:
            check(textgen(command, corpus, option, value), option, {0, 2})


@pytest.mark.parametrize("base", ["1e300", "1.0000000000000002", "1e400", "1e-300", "-1e300"])
def test_bases(textgen, stored, base):
    stored("lines")
    check(textgen("score", "the cat", "--base", base), "--base", {0, 2})


@pytest.mark.parametrize("value", ["1e300", "nan", "9" * 5000, "0x" + "f" * 5000, str(10**400)])
def test_numbers_in_a_file(textgen, corpus, tmp_path, value):
    """A whole number of any size may stand in TOML where the command line makes it a float."""
    config = tmp_path / "config.toml"
    for option in numeric_options("train"):
        config.write_text(f"{option.removeprefix('--')} = {value}\n")
        done = textgen("train", corpus, "--config", config, "--print-config", "--quiet")
        assert done.code in (0, 2), done.err
        assert done.code == 0 or str(config) in done.err or f"textgen: {option} " in done.err
        assert len(done.err) < 400
