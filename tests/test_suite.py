"""The rules of the suite itself: who may need a peer, who says how examples are drawn, what a process inherits."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("test_*.py"))
PEERS = {"torch", "onnx", "onnxruntime"}


def calls(tree, *names):
    """All calls of functions of these names, as `f(...)` or as `module.f(...)`."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node for node in found if ast.unparse(node.func).rpartition(".")[2] in names]


@pytest.fixture(params=FILES, ids=[str(path.relative_to(TESTS)) for path in FILES])
def source(request):
    return ast.parse(request.param.read_text(encoding="utf-8"))


def test_a_peer_is_needed_by_a_whole_file_or_by_no_test_in_it(source):
    """A file whose tests would skip themselves one by one is never seen to have none left."""
    at_top = {ast.unparse(node) for node in source.body if isinstance(node, (ast.Assign, ast.Expr))}
    skips = {ast.unparse(node): node.args[0] for node in calls(source, "importorskip")}
    peers = {node.value for node in skips.values() if isinstance(node, ast.Constant)}
    assert all(any(line.endswith(skip) for line in at_top) for skip in skips), "not at the top of the file"
    assert peers <= PEERS, "what comes with the extra `test` is there"
    assert ("pytestmark = pytest.mark.peers" in at_top) == bool(peers)


def test_the_profile_says_how_examples_are_drawn(source):
    for call in calls(source, "settings"):
        assert {keyword.arg for keyword in call.keywords} <= {"max_examples"}, ast.unparse(call)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_process_does_not_inherit_that_a_signal_is_ignored():
    """As nohup and jobs in the background begin: all three are ignored in the process that runs the tests."""
    numbers = [int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIGHUP)]
    child = f"import signal; print([signal.getsignal(number) == signal.SIG_IGN for number in {numbers}])"
    program = (
        "import signal, subprocess, sys\n"
        f"for number in {numbers}: signal.signal(number, signal.SIG_IGN)\n"
        "import tests.conftest\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
        "signal.raise_signal(signal.SIGHUP)\n"
        "tests.conftest.pytest_unconfigure()\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[False, False, False]\n", "")
