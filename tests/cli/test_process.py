"""What only shows in a process of its own: exit codes, signals, closed pipes, full disks, locales."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT, SMALL
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import models_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and /dev are POSIX")


def finish(process, seconds=60):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, (out or b"").decode(), (err or b"").decode()


def test_success(start, stored):
    stored("lines")
    code, out, err = finish(start("score", "the cat", "-q"))
    assert (code, err) == (0, "")
    assert out.startswith("log_probability\t")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["train", "absent.txt"], 2), (["sample", "-m", "absent"], 2), (["--nosuch"], 2), (["evaluate", "empty.txt"], 1)],
)
def test_failures(start, stored, tmp_path, arguments, expected):
    (tmp_path / "empty.txt").touch()
    if expected == 1:
        stored("lines")
    code, out, err = finish(start(*arguments, cwd=tmp_path))
    assert (code, out) == (expected, "")
    assert err.splitlines()[-1].startswith("textgen: ")


def test_a_programming_error_keeps_its_traceback():
    program = (
        "import textgen.cli.commands.models as models, textgen.cli.boundary as boundary\n"
        "import textgen.lm.storage.store as store\n"
        "def broken(): raise ZeroDivisionError('a bug')\n"
        "store.list_models = broken\n"
        "boundary.main(['models'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("ZeroDivisionError: a bug\n")


@posix
@pytest.mark.parametrize(
    "arguments", [["sample", "-n", "5000", "--max-length", "50"], ["sample", "-n", "5000", "--json"]]
)
def test_a_closed_pipe_ends_quietly(start, stored, arguments):
    stored("lines")
    process = start(*arguments, "--quiet")
    first = process.stdout.readline()
    process.stdout.close()
    assert first.endswith(b"\n")
    err = process.stderr.read()
    assert (process.wait(timeout=60), err) == (0, b"")


@posix
def test_a_pipe_that_was_never_read_ends_quietly(start, stored):
    """Nothing is written before the end, so that the failure comes at the last flush."""
    stored("lines")
    reader, writer = os.pipe()
    os.close(reader)
    process = start("score", "the cat", "--quiet", stdout=writer)
    os.close(writer)
    assert finish(process) == (0, "", "")


@posix
@pytest.mark.parametrize(
    "arguments", [["score", "the cat"], ["sample", "-n", "3"], ["complete", "a"], ["models"], ["--version"]]
)
def test_standard_output_that_was_closed_from_the_start(stored, arguments):
    stored("lines")
    code, _, err = at_shell(arguments, ">&-")
    assert (code, err.splitlines()[-1]) == (1, "textgen: standard output cannot be written: it is closed")


@posix
def test_standard_error_that_was_closed_from_the_start(stored):
    stored("lines")
    code, out, err = at_shell(["score", "the cat"], "2>&-")
    assert (code, err) == (0, "")
    assert out.startswith("log_probability\t")


@posix
def test_all_streams_closed_from_the_start(corpus):
    """The first files that are opened do not get the numbers of the streams, and with them what is meant for those."""
    before = corpus.read_bytes()
    code, _, _ = at_shell(["train", corpus, *SMALL, "--epochs", "1"], "<&- >&- 2>&-")
    assert code == 1, "the sequences at the end cannot be shown"
    assert load_model(models_folder() / "cats-char.safetensors").history.stopped == "epochs"
    assert corpus.read_bytes() == before


def at_shell(arguments, redirections):
    """What a shell's command line leaves: exit code, standard output, standard error."""
    command = shlex.join([sys.executable, "-m", "textgen", *map(str, arguments)])
    done = subprocess.run(
        f"{command} {redirections}", shell=True, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [["score", "a", "-q"], ["sample", "-n", "200", "-q"], ["complete", "a", "-q"], ["info", "-q", "--json"]],
)
def test_a_full_disk_behind_standard_output(start, stored, arguments):
    stored("lines")
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        code, _, err = finish(start(*arguments, stdout=full))
    assert (code, err) == (1, "textgen: standard output cannot be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_onto_a_full_disk(start, arguments):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        code, _, err = finish(start(*arguments, stdout=full))
    assert (code, err) == (1, "textgen: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_output_is_utf8_whatever_the_locale(start, tmp_path, locale):
    corpus = tmp_path / "poems.txt"
    corpus.write_text("春眠不覺曉\n處處聞啼鳥\n" * 6, encoding="utf-8")
    environment = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    arguments = ["train", corpus, *SMALL, "--epochs", "1", "--valid-fraction", "0"]
    code, out, err = finish(start(*arguments, env=environment))
    assert code == 0, err
    assert "\n" in set(out) <= set("春眠不覺曉處處聞啼鳥\n")
    assert len(set(out)) > 3
    with corpus.open("rb") as text:
        code, out, _ = finish(start("score", "-q", "--json", stdin=text, env=environment))
    assert code == 0
    assert '"sentence": "春眠不覺曉"' in out


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists a process' threads")
def test_scoring_loads_no_library_and_starts_no_thread_that_it_does_not_need(stored):
    """Its start is most of its time. Threads: NumPy's BLAS starts its own, for products that are not made with it."""
    stored("lines")
    program = (
        "import sys, os\n"
        "from textgen.cli.boundary import main\n"
        "try: main(['score', 'the cat', '-q', '--threads', '1'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "needless = {'rich', 'scipy', 'asyncio', 'multiprocessing.pool', 'markdown_it'} & set(sys.modules)\n"
        "sys.exit(f'{needless}, {len(os.listdir(\"/proc/self/task\"))} threads')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == "set(), 1 threads\n"


@posix
@pytest.mark.parametrize(("number", "expected"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_saves_what_there_is(begun, corpus, number, expected):
    process = begun()
    process.send_signal(getattr(signal, number))
    code, out, err = finish(process)
    assert (code, out) == (expected, "")
    assert "stopping; Ctrl-C again quits at once" in err
    assert "textgen sample --model cats-char" in err
    assert err.splitlines()[-1].startswith(f"go on     textgen train {corpus} --resume --name cats-char --log ")
    model = load_model(models_folder() / "cats-char.safetensors")
    assert model.history.stopped == "interrupted"
    assert model.history.validations
    left = sorted(path.name for path in models_folder().iterdir())
    assert left == ["cats-char.checkpoint", "cats-char.index", "cats-char.safetensors"]


@posix
def test_a_terminal_that_is_closed(begun, at_terminal):
    """The training is asked twice to end, and can say nothing more."""
    import fcntl
    import termios

    def take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    streams = ("stdin", "stdout", "stderr")
    seat = begun("--json", by=at_terminal, streams=streams, start_new_session=True, preexec_fn=take_terminal)
    seat.close()
    seat.process.send_signal(signal.SIGHUP)
    assert seat.process.wait(timeout=60) == 129
    model = load_model(models_folder() / "cats-char.safetensors")
    assert model.history.stopped == "interrupted"


@posix
def test_a_second_ctrl_c_quits_at_once(start, tmp_path):
    """The process hangs in its second step here, so that only the second signal can end it."""
    program = (
        "import signal, os, textgen.nn.computation as computation\n"
        "from textgen.cli.boundary import main\n"
        "first_step = computation.Computation.forward_backward\n"
        "def hang(*_):\n"
        "    os.write(1, b'hanging\\n')\n"
        "    while True: signal.pause()\n"
        "def step_once(*arguments):\n"
        "    computation.Computation.forward_backward = hang\n"
        "    return first_step(*arguments)\n"
        "computation.Computation.forward_backward = step_once\n"
        f"main(['train', {str(tmp_path / 'text.txt')!r}, '--threads', '1', '--hidden', '2'])\n"
    )
    (tmp_path / "text.txt").write_text("the cat\nthe dog\n" * 9)
    process = start(program=program)
    assert process.stdout.readline() == b"hanging\n"
    process.send_signal(signal.SIGINT)
    read_until(process.stderr, b"stopping; Ctrl-C again quits at once\n")
    assert process.poll() is None, "the first one waits for the step to end"
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "", "textgen: interrupted\n")


@posix
@pytest.mark.parametrize("command", ["score", "complete"])
def test_ctrl_c_outside_of_training(start, stored, command):
    stored("lines")
    process = start(command, stdin=subprocess.PIPE)
    assert process.stderr.readline().startswith(b"model ")
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "", "textgen: interrupted\n")


@posix
def test_ctrl_c_that_ends_the_reader_too(start):
    """`textgen score | tee scores`: what is printed and cannot be written any more does not change the exit code."""
    program = (
        "import sys, textgen.cli.boundary as boundary\n"
        "from textgen.cli.terminal.output import print_data\n"
        "def work():\n"
        "    print_data('the first score')\n"
        "    raise KeyboardInterrupt\n"
        "boundary.prepare_streams()\n"
        "sys.exit(boundary.guarded(work))\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    process = start(program=program, stdout=writer)
    os.close(writer)
    assert finish(process) == (130, "", "textgen: interrupted\n")


def read_until(stream, end):
    """Read lines until one ends with `end`."""
    seen = []
    for line in stream:
        seen.append(line)
        if line.endswith(end):
            return
    raise AssertionError(b"".join(seen).decode())
