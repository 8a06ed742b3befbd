"""What holds for every test: its own store, kernel cache and signals, a screen without colours, the same examples.

The environment is set here, at import: pytest reads this file before any test module can import Numba.
"""

import os
import shutil
import signal
import tempfile

import pytest
from hypothesis import settings

_SESSION = tempfile.mkdtemp(prefix="textgen-tests-")

os.environ["TEXTGEN_HOME"] = os.path.join(_SESSION, "home")  # noqa: PTH118
# A cache that was named outside is kept: whoever runs one test again and again need not compile each time.
os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(_SESSION, "kernels"))  # noqa: PTH118
os.environ["NO_COLOR"] = "1"
os.environ["COLUMNS"] = "100"
os.environ.pop("TEXTGEN_MODEL", None)
for _name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_name, None)
# A shell gives a job in the background a SIGINT that is ignored, nohup gives a SIGHUP, and every process that a test
# starts would inherit it. A handler is not inherited: such a process begins with the default.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)  # the session itself goes on ignoring it

# Property tests draw the same examples in every run, and take the time they need. `--hypothesis-profile=random` draws
# others each time, and prints how to draw those again at which a test fails.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("random", derandomize=False, deadline=None, database=None, print_blob=True)
settings.load_profile("same")


def pytest_unconfigure() -> None:
    """Remove what the session left."""
    shutil.rmtree(_SESSION, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    """Let no test see another one's models, nor those that come with textgen."""
    monkeypatch.setenv("TEXTGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("textgen.lm.storage.store.packaged_folder", lambda: tmp_path / "packaged")
