"""The help as a reader sees it: what `--help` shows of many options, at both widths, and examples that work."""

import re
import shlex
from typing import Any

import pytest
import typer

from tests.cli.conftest import LINES, ROOT
from tests.cli.test_help import COMMANDS, LONG
from textgen.cli.app import app
from textgen.cli.commands.options import CommonHeading

MODELS_AT_80 = """\
Usage: textgen models [OPTIONS] COMMAND [ARGS]...

  List the models in the store, the newest first, or rename or remove them.

Examples:
  textgen models
  textgen models --level word --json

Commands:
  rm      Remove models for good.
  path    Print where a model's file is.
  rename  Give a model another name.
  halve   Write a copy of half the size.

Options:
  --level LEVEL               Only models of this level: char, word.
  -h, --help                  Show this message and exit.

Output:
  --json                      Print JSON Lines.
  -q, --quiet                 No notes and no progress on stderr.
"""

TRAIN_AT_80 = """\
Usage: textgen train [OPTIONS] [FILE]...

  Train a model on your text, save it, and show what it writes.

Examples:
  textgen train corpora/shakespeare.txt
  textgen train corpora/names.txt --shuffle --time 2m --name babies

Arguments:
  FILE                        UTF-8 text; - is standard input; .gz, .bz2, .xz
                              are unpacked. Without any: those that --config
                              names.

Options:
  --level LEVEL               What a token is: char, word.  [default: char]
  --unit UNIT                 What a sequence is: auto, line, sentence,
                              paragraph, file.  [default: auto]
  --shuffle                   Shuffle the sequences by the seed before the
                              last part is held out, for a list sorted by
                              something.
  --size SIZE                 Size of the network: small, medium, large.
                              [default: by the text]
  --from NAME|FILE            Begin with this model: for a text too small to
                              learn from alone. What it knew before is
                              forgotten.
  --epochs N                  Passes over the text.  [default: by the text]
  --time TIME                 How long: 90s, 10m, 1h30m, or seconds.
  --name NAME                 The model's name.  [default: by the file's and
                              the level]
  --resume                    Go on with a training that was interrupted.
  --config FILE               Read options from this TOML file; those of the
                              command line win.
  -h, --help                  Show this message and exit.

--help-all shows 41 more options.
"""

TRAIN_AT_100 = """\
Usage: textgen train [OPTIONS] [FILE]...

  Train a model on your text, save it, and show what it writes.

Examples:
  textgen train corpora/shakespeare.txt
  textgen train corpora/names.txt --shuffle --time 2m --name babies

Arguments:
  FILE                        UTF-8 text; - is standard input; .gz, .bz2, .xz are unpacked.
                              Without any: those that --config names.

Options:
"""


def test_the_whole_text_at_80_columns(textgen, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert textgen("models", "--help").out == MODELS_AT_80
    assert textgen("train", "--help").out == TRAIN_AT_80


def test_at_100_columns_lines_are_longer(textgen, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert textgen("models", "--help").out == MODELS_AT_80, "they are short"
    assert textgen("train", "--help").out.startswith(TRAIN_AT_100)


# What is left out


def options_of(text):
    return set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_a_dozen_options_at_most_and_says_how_many_more_there_are(textgen, command):
    short = textgen(command, "--help").out
    shown = options_of(short) - {"--help"}
    assert len(shown) <= 12
    assert ("--help-all" in short) == (command in LONG)
    if command in LONG:
        every = options_of(textgen(command, "--help-all").out) - {"--help", "--help-all"}
        assert shown < every
        assert short.endswith(f"\n\n--help-all shows {len(every - shown)} more options.\n")


def test_ten_options_of_a_training_are_shown(textgen):
    assert len(options_of(textgen("train", "--help").out) - {"--help"}) == 10


@pytest.mark.parametrize("command", LONG)
def test_what_is_marked_as_common_is_what_is_shown(textgen, command):
    group: Any = typer.main.get_command(app)
    common = {one.opts[0] for one in group.commands[command].params if isinstance(one.rich_help_panel, CommonHeading)}
    assert options_of(textgen(command, "--help").out) == common | {"--help"}


@pytest.mark.parametrize("command", LONG)
def test_all_help_wins_over_a_wrong_request(textgen, command):
    """As `--help` does: who asks for help has not read it yet."""
    done = textgen(command, "--help-all", *(["--hidden", "0"] if command == "train" else ["--count", "0"]))
    assert (done.code, done.err) == (0, "")
    assert done.out == textgen(command, "--help-all").out


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - set(LONG)))
def test_without_more_options_there_is_no_help_for_them(textgen, command):
    done = textgen(command, "--help-all")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("textgen: there is no --help-all: --help shows all options here; see `textgen ")


# Examples


def examples(text):
    block = re.search(r"^Examples:\n((?:  .*\n)+)", text, re.MULTILINE)
    assert block, text
    return [line.strip() for line in block[1].splitlines()]


@pytest.fixture
def at_home(tmp_path, stored, monkeypatch):
    """A folder with the texts and a store with the models that the examples name."""
    for name in ("shakespeare-char", "names-char"):
        stored("lines", name)
    stored("words", "pride-word")
    (tmp_path / "corpora").mkdir()
    for name in ("shakespeare", "names", "alice"):
        (tmp_path / "corpora" / f"{name}.txt").write_text("\n".join(LINES * 2) + "\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_examples_are_whole_lines_that_work(textgen, at_home, monkeypatch, command):
    """A training is prepared, which takes in all its options."""
    monkeypatch.setenv("COLUMNS", "50")
    for example in examples(textgen(*command.split(), "--help").out):
        assert len(example) <= 76, "two blanks before it, and it is one line at 80 columns"
        program, *arguments = shlex.split(example)
        assert program == "textgen"
        assert arguments[0] == command or not command
        if arguments[0] == "train":
            arguments.append("--print-config")
        done = textgen(*arguments)
        assert done.code == 0, (example, done.err)
        assert done.out or command == "repl"  # which nobody types anything for


def test_the_texts_of_the_examples_are_there(textgen):
    named = {word for command in COMMANDS for line in examples(textgen(command, "--help").out) for word in line.split()}
    texts = {word for word in named if word.startswith("corpora/")}
    assert texts
    assert all((ROOT / text).exists() for text in texts)
