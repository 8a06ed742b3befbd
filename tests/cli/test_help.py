"""Help and version: complete, from one source, and quick, since little is loaded for them."""

import dataclasses
import re
import subprocess
import sys

import pytest

import textgen
from textgen.cli.app import command_for
from textgen.cli.boundary import run
from textgen.core.cells import CELLS
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.holdout import MOST, SHARE
from textgen.text.corpus.units import UNITS
from textgen.text.tokens.tokenizers import TOKENIZERS

COMMANDS = ("train", "sample", "complete", "repl", "score", "evaluate", "info", "models")
LONG = ("train", "sample")  # whose `--help` shows the common options alone
NEEDED = {"textgen", "typer", "click", "shellingham", "annotated_doc", "typing_extensions"}  # the last are Typer's own
NOT_OPTIONS = {"seconds", "cutoffs"}  # --time; --softmax


def full(command):
    """The flag that shows all options of a command."""
    return "--help-all" if command in LONG else "--help"


@pytest.fixture(params=["textgen", "python -m textgen"])
def any_way(request):
    """The two ways in."""
    return ["-m", "textgen"] if request.param == "python -m textgen" else ["-c", "from textgen.cli import main; main()"]


def test_version(any_way):
    done = subprocess.run([sys.executable, *any_way, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"textgen {textgen.__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(textgen, flag):
    done = textgen(flag)
    assert (done.code, done.err) == (0, "")
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z].*\.$", done.out, re.MULTILINE), command


def test_a_bare_command_gives_its_usage(textgen):
    done = textgen()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: textgen [OPTIONS] COMMAND")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_does_not_wait_for_the_options_of_the_others(command):
    assert set(command_for([command, "--help"]).commands) >= {command}
    assert len(command_for([command, "--help"]).commands) == 1 or command == "models"
    for arguments in ([], ["--help", command], ["nonsense", command]):
        assert set(command_for(arguments).commands) == {*COMMANDS, "completion"}


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("flag", ["--help", "--help-all"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(textgen, monkeypatch, command, flag, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = textgen(command, full(command) if flag == "--help-all" else flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: textgen {command} ")
    assert max(map(len, done.out.splitlines())) <= columns
    if flag == "--help-all":
        assert ("--json" in done.out) == (command != "repl")  # what is typed there is no data
        assert "--quiet" in done.out


@pytest.mark.parametrize(
    ("command", "config"),
    [("train", TextConfig), ("train", NetworkConfig), ("train", TrainingConfig), ("sample", SamplingConfig)],
)
def test_every_setting_is_an_option_that_shows_its_default(textgen, command, config):
    text = " ".join(re.sub(r"Examples:\n(  .*\n)+", "", textgen(command, full(command)).out).split())
    for field in dataclasses.fields(config):
        if field.name in NOT_OPTIONS:
            continue
        option = f"--{field.name.replace('_', '-')}"
        found = re.search(rf"{option} (?:[A-Z|]+ )?(.*?)(?= -[-a-z]|$)", text)
        assert found, option
        if (
            field.default not in (None, ())
            and not isinstance(field.default, bool)
            and field.name not in ("tokenizer", "threads")
        ):
            assert f"[default: {field.default}]" in found[1], option


def test_choices_come_from_the_registries(textgen):
    text = re.sub(r"-\s+", "-", " ".join(textgen("train", "--help-all").out.split()))  # lines may end after a hyphen
    for choices in (CELLS, TOKENIZERS, UNITS):
        assert ", ".join(choices) in text


def test_what_is_held_out_unless_asked_is_said_as_it_is(textgen):
    """The help cannot read it there: it must not load NumPy."""
    text = " ".join(textgen("train", "--help-all").out.split())
    assert f"[default: {SHARE:g}, at most {MOST:,} characters]" in text


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["score", "-h"]])
def test_help_loads_nothing_that_it_does_not_need(arguments):
    """What it loads is nearly all of the time that it takes."""
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"  # what the environment loads at each start
        "import textgen.cli.boundary\n"
        f"code = textgen.cli.boundary.run({arguments})\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        f"needless = (loaded - sys.stdlib_module_names | loaded & {{'asyncio'}}) - {NEEDED}\n"
        "sys.exit(f'loaded {needless}' if needless else code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tarin"], "no such command 'tarin'. Did you mean 'train'? See `textgen --help`"),
        (["train"], "there is no text to train on; name a FILE, or with --config a file that names some"),
        (["evaluate"], "missing argument 'FILE'; see `textgen evaluate --help`"),
        (["models", "x"], "no such command 'x'; see `textgen models --help`"),
        (["models", "path"], "missing argument 'MODEL'; see `textgen models path --help`"),
        (["train", "x", "--hidden", "many"], "--hidden must be a whole number, not many; see `textgen train --help`"),
        (["train", "x", "--hidden", "2.5"], "--hidden must be a whole number, not 2.5; see `textgen train --help`"),
        (["sample", "--temperature", "hot"], "--temperature must be a number, not hot; see `textgen sample --help`"),
        (
            ["sample", "--modle", "x"],
            "no such option: --modle (Possible options: --model); see `textgen sample --help`",
        ),
    ],
)
def test_wrong_usage(capsys, arguments, message):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"textgen: {message}\n")
