"""What holds for every test: its own store, its own kernel cache, a screen without colours and of a fixed width.

The environment is set here, at import: pytest reads this file before any test module can import Numba.
"""

import os
import shutil
import signal
import tempfile

import pytest

_SESSION = tempfile.mkdtemp(prefix="textgen-tests-")

os.environ["TEXTGEN_HOME"] = os.path.join(_SESSION, "home")  # noqa: PTH118
# A cache that was named outside is kept: whoever runs one test again and again need not compile each time.
os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(_SESSION, "kernels"))  # noqa: PTH118
os.environ["NO_COLOR"] = "1"
os.environ["COLUMNS"] = "100"
for _name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_name, None)
# A shell gives a job in the background a SIGINT that is ignored, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Remove what the session left."""
    shutil.rmtree(_SESSION, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    """Let no test see another one's models."""
    monkeypatch.setenv("TEXTGEN_HOME", str(tmp_path / "home"))
