"""The texts that are shipped, for the tests that read them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of the texts that are shipped."""
    return Path(__file__).parents[2] / "corpora"
