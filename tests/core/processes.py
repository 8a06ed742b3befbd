"""Tests and scripts in a process of their own, where kernels are compiled under other settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_python(settings: Mapping[str, str], cache: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python *arguments` from the project's folder with other environment variables.

    cache : the folder of its compiled kernels; None: this process's own, which is right only without other settings.
    """
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def assert_tests_pass(settings: Mapping[str, str], cache: Path, *selection: str) -> None:
    """Run a selection of tests/core, named as for pytest from there; all must pass, and none be skipped."""
    paths = [name if name.startswith("-") else f"tests/core/{name}" for name in selection]
    done = run_python(settings, cache, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
